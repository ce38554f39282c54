"""The words that questions about runs are made of: how names are shortened, what a run is called, what says nothing.

Nothing here comes from one project: shortenings and synonyms are those of machine learning at large.
"""

from __future__ import annotations

from assistant.dataset.tokens import bag, stem

SHORT: dict[str, str] = {
    "lr": "learning rate", "lrs": "learning rate", "bs": "batch size", "bsz": "batch size", "batchsize": "batch size",
    "wd": "weight decay", "acc": "accuracy", "accuracies": "accuracy", "err": "error", "errs": "error",
    "prec": "precision", "rec": "recall", "val": "valid", "validation": "valid", "dev": "valid", "eval": "valid",
    "evaluation": "valid", "cv": "valid", "crossval": "valid", "crossvalidation": "valid", "trn": "train",
    "training": "train", "testing": "test", "avg": "mean", "average": "mean", "nr": "number", "num": "number",
    "no": "number", "n": "number", "cnt": "number", "count": "number", "mom": "momentum", "opt": "optimizer",
    "optimiser": "optimizer", "optim": "optimizer", "sched": "scheduler", "params": "param", "parameters": "param",
    "emb": "embedding", "embed": "embedding", "dim": "dimension", "dims": "dimension", "hid": "hidden",
    "obj": "objective", "iter": "iteration", "iters": "iteration", "ppl": "perplexity", "auroc": "roc auc",
    "rocauc": "roc auc", "prob": "probability", "probs": "probability", "reg": "regularization", "temp": "temperature",
    "seeds": "seed", "ep": "epoch", "eps": "epsilon", "gen": "generator", "disc": "discriminator", "dd": "drawdown",
    "cls": "class", "wt": "weight", "wts": "weight", "sz": "size", "len": "length", "freq": "frequency",
    "std": "std", "stdev": "std", "deviation": "std", "sd": "std", "reg_lambda": "lambda", "f1score": "f1 score",
    "r2score": "r2 score", "rsq": "r2", "rsquared": "r2", "tol": "tolerance", "init": "initial",
    "initialization": "initial", "initialisation": "initial", "imgsz": "image size", "img": "image",
    "arch": "architecture", "backbone": "backbone", "conf": "confidence", "warm": "warmup", "dropout": "dropout",
    "droprate": "dropout rate", "gpu": "gpu", "cfg": "config", "ds": "dataset", "dataset": "dataset", "lam": "lambda",
    "mae": "mae", "rmse": "rmse", "exitcode": "exit code", "max": "max", "maximum": "max", "min": "min",
    "minimum": "min", "pct": "percent", "sec": "second", "secs": "second", "seconds": "second", "dir": "directory",
    "neighbours": "neighbor", "neighbors": "neighbor", "neighbour": "neighbor", "colour": "color",
    "loglik": "log likelihood", "criteria": "criterion", "lrate": "learning rate", "nepochs": "number epoch",
    "nlayers": "number layer", "nhead": "number head", "nheads": "number head", "bsize": "batch size",
}  # fmt: skip
"""A word of a question or a name -> its words in full, so that both sides agree."""

SYNONYMS: dict[str, tuple[str, ...]] = {
    "tree": ("estimator", "tree"), "rank": ("rank", "r"), "width": ("width", "hidden"), "unit": ("unit", "hidden"),
    "objective": ("objective", "value"), "portfolio": ("portfolio",), "neighbor": ("neighbor", "k"),
    "cluster": ("cluster", "k"), "split": ("split", "size"), "backbone": ("backbone", "encoder", "model"),
    "scheduler": ("scheduler", "schedule"), "schedule": ("schedule", "scheduler"), "iteration": ("iteration", "step"),
    "image": ("image", "img"), "augmentation": ("augment", "augmentation"), "architecture": ("architecture", "model"),
    "temperature": ("temperature", "temp"), "gradient": ("gradient", "grad"), "clipping": ("clip", "clipping"),
    "vocabulary": ("vocabulary", "vocab"), "discount": ("discount", "gamma"), "entropy": ("entropy", "ent"),
    "depth": ("depth",), "code": ("code",), "feature": ("feature",), "runtime": ("runtime", "duration", "time"),
}  # fmt: skip
"""A word of a question -> the words of names that may stand for it."""

TRACKERS: dict[str, str] = {
    "mlflow": "mlflow", "optuna": "optuna", "wandb": "wandb", "sacred": "sacred", "hydra": "hydra",
    "tensorboard": "tensorboard", "tb": "tensorboard", "dvc": "dvc", "dvclive": "dvc", "lightning": "lightning",
    "ultralytics": "ultralytics", "yolo": "ultralytics", "keras": "keras", "autogluon": "autogluon",
    "huggingface": "huggingface", "llamafactory": "huggingface",
}  # fmt: skip

RUN_NOUNS = bag(
    """run runs trial trials experiment experiments version versions commit commits job jobs training trainings try
    tries attempt attempts study studies sweep sweeps backtest backtests evaluation evaluations fit fits config configs
    configuration configurations setup setups model models folder folders fold folds session sessions search"""
)
WORK_NOUNS = bag("project repo repository pipeline thesis paper codebase work assignment challenge competition report")
"""What a whole history is called; says nothing where its name stands beside it."""

TASK_WORDS = bag(
    """classification regression clustering segmentation detection detector forecasting prediction recognition
    generation translation summarization ranking recommendation tracking captioning denoising pricing"""
)
"""What a history is for; says nothing where the history's name stands in the question."""

METRIC_WORDS = bag(
    """loss accuracy auc roc precision recall f1 score error rmse mse mae map map50 r2 return returns reward perplexity
    bleu rouge iou dice time duration epoch epochs step steps value metric metrics param params seed"""
)

WEAK_SCOPE = bag(
    """run runs train training test testing val valid validation data dataset model models result results log logs
    experiment experiments project history output outputs file files csv json db sqlite folder main default detect
    final complete end to system application app classification prediction detection segmentation learning machine deep
    neural network ml ai for and the of with in on a an at is by from it all are this that current report reports
    early last first new old best base src code config configs exp version notebooks notebook artifacts metrics
    params search study tuning hyperparameter hyperparameters pipeline
    analysis implementation task assignment homework final demo"""
)
"""Words of paths that do not name a project by themselves."""

HIGH = bag("highest max maximum largest greatest biggest most peak top maximal")
LOW = bag("lowest min minimum smallest least minimal tiniest fewest")
BEST = bag("best optimal winning strongest")
WORST = bag("worst poorest weakest")

HARMLESS = bag(
    """the a an of in on at by for to and or per with from each is are was were be been am do does did done has have had
    having can could would should will may might shall must please pls plz me us we i you they them he she it its our my
    your their there here this that these those which who whom whose what whats when where how much many also then so
    still just only actually exactly really overall total-ly again yet but if not-that as into over-all within among
    about ever got get gets getting give gives given gave show shows shown tell told list lists say says said see seen
    find found name names named call called value values number numbers nr id ids identifier identifiers number result
    results answer logged log logs record recorded stored store saved reported report reports written out up
    one ones any some every entire whole together altogether please thanks thx hi hey ok okay btw folks guys team
    experiment experiments run runs ran running-in trial trials job jobs version versions study studies search commit
    commits model models folder folders configuration setup setups train trained training fit fitted use uses used using
    reach reached hit hits achieve achieved yield yielded produce produced obtain obtained have end come came
    score scored perform performed performance do doing go going went look looking metric metrics dataset data set
    parameter parameters param params hyperparameter hyperparameters hyper setting settings config configs wise
    both either respectively well now far already until till under-way yes no quick question wondering wonder know need
    want like let lets compare compared versus s t re ve ll d m don etc e g eg i-e ie was-it during across
    over our own back whatsoever history properly different actual actually really timestamped individual various
    started launched created
    disk file files available present existing exist exists contain contains containing
    project repo repository""".replace("-", " ")
)
"""Words that restrict nothing and name nothing where no rule has used them."""
HARMLESS_STEMS = frozenset(stem(word) for word in HARMLESS if len(word) > 3)

NUMBER_WORDS = {
    "zero": 0, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "twelve": 12, "twenty": 20, "hundred": 100,
}  # fmt: skip

FUNCTION_WORDS = bag(
    """which what highest lowest largest smallest greatest biggest worst best deepest maximum minimum average median
    between difference different compared finished failed never tried missing unchanged changed first last final
    distinct number values trial trials commit experiment running crashed killed interrupted pruned longest shortest
    fastest slowest status params parameters settings earliest latest current separate ignoring leaving without
    training validation learning when where many much over under above below across during"""
)
"""Words that rules look for: a slip of the keyboard in one of them is mended."""

STATES: dict[str, tuple[str, ...]] = {
    "finished": ("finished", "completed", "complete", "succeeded", "successful", "finish", "complete", "succeed"),
    "failed": ("failed", "crashed", "fail", "failing", "failure", "failures", "errored", "crash", "died", "broke"),
    "killed": ("killed", "interrupted", "stopped", "aborted", "cancelled", "canceled"),
    "pruned": ("pruned", "prune"),
    "running": ("running", "unfinished"),
    "waiting": ("waiting",),
}  # fmt: skip
STATE_OF = {word: state for state, words in STATES.items() for word in words}
