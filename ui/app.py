"""The app: `streamlit run ui/app.py`, with CITEWISE_HOME naming the knowledge base. Pages are in `views`."""

from __future__ import annotations

import streamlit as st

from ui import opened, state
from ui.render import notice
from ui.views import chat, experiments, library, table


def main() -> None:
    """Show the page that is asked for."""
    st.set_page_config(page_title="Citewise", page_icon=str(state.ASSETS / "icon.svg"), layout="wide")
    state.styles()
    if not state.is_local(st.get_option("server.address")):
        state.show(notice("This app must listen on 127.0.0.1 only", "start it with `citewise ui`"))
        st.stop()
    opened.warm()
    chat.restore()
    chat_page = st.Page(chat.page, title="Chat", icon=":material/forum:", url_path="chat", default=True)
    library_page = st.Page(library.page, title="Library", icon=":material/library_books:", url_path="library")
    experiments_page = st.Page(experiments.page, title="Experiments", icon=":material/science:", url_path="experiments")
    page = st.navigation([chat_page, experiments_page, library_page])
    wanted = st.session_state.pop("go", None)
    target = {"library": library_page, "experiments": experiments_page}.get(str(wanted), chat_page)
    if wanted and page is not target:
        st.switch_page(target)
    with st.sidebar:
        state.guarded(chat.sidebar)
    palette = st.container(key="palette")  # before the page, so that what the page shows never moves it
    page.run()
    if page is chat_page:
        state.guarded(table.panel)
    state.guarded(chat.panel)
    with palette:
        state.guarded(table.offer)


main()
