"""Which names are metrics, parameters or identifiers, by the words in them: the field's usual ones."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_METRICS = frozenset(
    """
    acc accuracy accuracies auc auroc auprc aucpr ap map f f1 fbeta fscore loss losses score scores metric error err
    r2 rmse mse mae mape smape wape medae msle rmsle nrmse mase precision recall sensitivity specificity tpr fpr fnr
    tnr ppv npv iou miou dice jaccard bleu rouge meteor bertscore cer wer ppl perplexity ndcg mrr hit hits logloss
    brier ece kappa mcc corr pearson spearman kendall silhouette inertia psnr ssim fid kid lpips elbo nll likelihood
    kl rew reward rewards sharpe sortino drawdown gini ks evs rsquared hamming davies calinski ari nmi homogeneity
    completeness purity objective cost regret top1 top5 em exact chrf ter wip sdr pesq stoi eer mota hota success
    solved speedup lift
    """.split()  # noqa: SIM905 - a list of 150 words reads better as text
)
_MEASURED = frozenset("time runtime duration seconds latency throughput fps memory elapsed flops".split())  # noqa: SIM905
_PARAMS = frozenset(
    """
    lr rate batch bs epochs seed depth estimators alpha beta gamma lambda dropout hidden layers layer units neurons
    optimizer optim kernel c degree size decay momentum warmup scheduler criterion split features max min num n k l1
    l2 ratio regularization penalty solver activation patience temperature topk topp rank heads dim embedding window
    stride subsample colsample leaf leaves bins neighbors clusters components iterations horizon lag
    """.split()  # noqa: SIM905
)
_NAMES = frozenset(
    """
    model models name algorithm algo method estimator classifier regressor approach architecture arch run experiment
    config configuration variant system pipeline network backbone strategy learner
    """.split()  # noqa: SIM905
)
_IDS = frozenset(
    """
    id runid trial trialid uuid guid expid experimentid jobid trialnumber number no idx index run_id trial_id exp_id
    experiment_id job_id run_uuid trial_number
    """.split()  # noqa: SIM905
)
_NO_NAMES = frozenset("path file dir folder url params parameters size plot image count".split())  # noqa: SIM905
_ALMOST = frozenset({"mean", "std", "avg", "average", "min", "max", "best", "final", "cv"})
_SET = frozenset(
    [
        "weight",
        "weights",
        "coef",
        "coefficient",
        "threshold",
        "fn",
        "function",
        "type",
        "path",
        "file",
        "size",
        "lambda",
        "scale",
        "name",
        "alpha",
    ]
)
_SPLIT_WORDS = frozenset("train training val valid validation test dev eval holdout oof".split())  # noqa: SIM905


@lru_cache(maxsize=50_000)
def words(name: str) -> tuple[str, ...]:
    """Return the lower-case words of a name: `meanTest_R2` has mean, test, r2 and r and 2."""
    found = [word.lower() for word in _WORD.findall(name)]
    joined = [a + b for a, b in pairwise(found) if b.isdigit()]
    return (*found, *joined)


@lru_cache(maxsize=50_000)
def is_metric(name: str) -> bool:
    """Tell whether a name is of something that is measured."""
    found = set(words(name))
    if "rate" in found and ("learning" in found or "dropout" in found):
        return False
    if found & _SET:
        return False
    return bool(found & _METRICS) or (bool(found & _SPLIT_WORDS) and bool(found & (_ALMOST | _MEASURED)))


@lru_cache(maxsize=50_000)
def is_measured(name: str) -> bool:
    """Tell whether a name is of a time, memory or speed that a run took."""
    return bool(set(words(name)) & _MEASURED)


@lru_cache(maxsize=50_000)
def is_param(name: str) -> bool:
    """Tell whether a name is of something that is set before a run."""
    return bool(set(words(name)) & _PARAMS) and not is_metric(name)


def is_name(name: str) -> bool:
    """Tell whether a column tells what was run: a model, a method, a run's name."""
    found = words(name)
    if set(found) & _NO_NAMES:
        return False
    return bool(found) and len(found) <= 3 and bool({found[0], found[-1]} & _NAMES) and not is_metric(name)


def is_id(name: str) -> bool:
    """Tell whether a column's name is that of an identifier."""
    return "".join(words(name)) in {word.replace("_", "") for word in _IDS} or name.lower().endswith(("_id", " id"))
