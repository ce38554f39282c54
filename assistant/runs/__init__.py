"""Questions about runs: read into a `RunQuery` without a model, run by `kb.run_query`, said with citations."""
