"""The words that a question about a table is made of: measures, comparisons, tests, models, and what says nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assistant.dataset.tokens import bag, stem

GLUE = bag("the a an of in on at by for to and or per with from each is are was were this that these those")
LIGHT = bag(
    """name number num no of in the id value values col column amount usd dollar dollars eur percent percentage pct
    per unit units count cnt index level rate score data indicator flag is has thousand thousands million
    millions record recorded given"""
)
ABBREVIATIONS: Mapping[str, tuple[str, ...]] = {
    "maximum": ("max",), "minimum": ("min",), "averag": ("avg",), "average": ("avg",),
    "number": ("num", "no", "nbr", "n", "cnt"), "count": ("cnt", "num"), "percent": ("pct", "perc", "percentage"),
    "percentag": ("pct", "perc", "percent", "per"), "quantity": ("qty",), "temperatur": ("temp",),
    "amount": ("amt",), "year": ("yr",), "month": ("mo", "mon"), "latitud": ("lat",), 
    "longitud": ("lon", "lng", "long"),
    "sex": ("gender",), "gender": ("sex",), "department": ("dept", "dep"), "category": ("cat",),
    "weight": ("wt", "wgt"),
    "height": ("ht", "hgt"), "length": ("len",), "population": ("pop",), "distanc": ("dist",),
    "sqft": ("squarefoot",), "foot": ("ft",), "squar": ("sq",), "dollar": ("usd",), "usd": ("dollars",),
    "duration": ("dur",), "description": ("desc",), "address": ("addr",), "customer": ("cust",), "product": ("prod",),
    "transaction": ("trans", "txn"), "employe": ("emp",), "experienc": ("exp", "exper"), "education": ("edu", "educ"),
    "identifier": ("id",), "thousand": ("k",), "kilogram": ("kg",), "standard": ("std",), "deviation": ("dev",),
    "difference": ("diff",), "differenc": ("diff",), "pressur": ("p", "press"), "price": ("px",), "salary": ("sal",),
    "revenu": ("rev",), "previous": ("prev",), "current": ("curr",), "volum": ("vol",), "date": ("dt",),
}  # fmt: skip
SEXES: Mapping[str, tuple[str, ...]] = {
    "male": ("men", "man", "males"), "female": ("women", "woman", "females"), "m": ("male", "men", "man"),
    "f": ("female", "women", "woman"), "men": ("male",), "women": ("female",), "man": ("male",), "woman": ("female",),
}  # fmt: skip

MEASURE_PHRASES: tuple[tuple[str, str, Mapping[str, Any]], ...] = (
    (r"(?:sample )?standard deviations?|std(?: dev(?:iation)?)?|stdev|stddev|std_dev|sd", "std", {}),
    (r"standard error(?: of the mean)?|sem", "sem", {}),
    (r"coefficient of variation", "cv", {}),
    (r"mean absolute deviation", "mad", {}),
    (r"arithmetic(?:al)? means?|mean(?: values?)?|average(?: values?)?|avg|means|averages", "mean", {}),
    (r"medians?(?: values?)?", "median", {}),
    (r"modes?|most (?:common|frequent)(?:ly occurring)? values?", "mode", {}),
    (r"variances?|var", "var", {}),
    (r"minimum(?: values?)?|minima|min|lowest(?: values?)?|smallest(?: values?)?|least|fewest|"
     r"earliest|cheapest", "min", {}),
    (r"maximum(?: values?)?|maxima|max|highest(?: values?)?|largest(?: values?)?|greatest(?: values?)?|biggest|latest|"
     r"most expensive", "max", {}),
    (r"skewness(?: (?:coefficient|value)s?)?|skew|skewed|asymmetric", "skew", {}),
    (r"kurtosis(?: values?)?|excess kurtosis", "kurtosis", {}),
    (r"interquartile range|inter quartile range|iqr", "iqr", {}),
    (r"(?:first|1st|lower) quartile|q1", "quantile", {"q": 0.25}),
    (r"(?:third|3rd|upper) quartile|q3", "quantile", {"q": 0.75}),
    (r"second quartile|q2", "quantile", {"q": 0.5}),
    (r"sums?|totals?(?: sum)?|combined total", "sum", {}),
    (r"ranges?(?: \( max(?:imum)? - min(?:imum)? \))?", "range", {}),
)  # fmt: skip
"""A phrase (a pattern over lower-case words), the measure it asks for, its options; the first that fits is taken."""

COMPARISON_PHRASES: tuple[tuple[str, str], ...] = (
    (r"(?:is |are |was |were )?(?:strictly )?(?:greater|more|higher|larger|bigger|older)"
     r" than or (?:the same as|equals?(?: to)?)|"
     r"(?:is )?at least|no(?:t)? (?:less|fewer|lower|smaller) than|>=|≥|> =|a minimum of|not (?:below|under)", "ge"),
    (r"(?:is |are |was |were )?(?:strictly )?(?:less|fewer|lower|smaller|younger)"
     r" than or (?:the same as|equals?(?: to)?)|"
     r"(?:is )?at most|no(?:t)? (?:more|greater|higher|larger) than|up to|<=|≤|< =|a maximum of|"
     r"not (?:above|over)", "le"),
    (r"(?:strictly )?(?:greater|more|higher|larger|bigger|older|longer|heavier|taller|later) than|over|above|"
     r"exceed(?:s|ing|ed)?|>|beyond|surpass(?:es|ing)?", "gt"),
    (r"(?:strictly )?(?:less|fewer|lower|smaller|younger|shorter|lighter|earlier) than|under|below|<", "lt"),
    (r"(?:is |are )?not equal(?:s)?(?: to)?|!=|≠|other than|different from|<>", "ne"),
    (r"(?:is |are |was |were )?(?:exactly )?equal(?:s)?(?: to)?|==|=|exactly", "eq"),
)  # fmt: skip

MODELS: tuple[tuple[str, str, str], ...] = (
    (r"logistic regression(?: (?:classifier|model))?|logisticregression", "logistic_regression", "classification"),
    (r"(?:multiple |simple |multivariate )?linear regression(?: model| machine learning model| algorithm)*|"
     r"linearregression", "linear_regression", "regression"),
    (r"ridge(?: regression)?(?: model)?", "ridge", "regression"),
    (r"lasso(?: regression)?(?: model)?", "lasso", "regression"),
    (r"random forest(?: (?:classifier|regressor|regression|classification))?(?: model| algorithm)*|"
     r"randomforest(?:classifier|regressor)", "random_forest", ""),
    (r"decision tree(?: (?:classifier|regressor|regression|classification))?(?: model| algorithm)*|"
     r"decisiontree(?:classifier|regressor)", "decision_tree", ""),
    (r"gradient boosting(?: (?:classifier|regressor))?(?: model| algorithm)*", "gradient_boosting", ""),
    (r"(?:k nearest neighbou?rs|knn)(?: (?:classifier|regressor))?(?: model| algorithm)*", "knn", ""),
    (r"(?:gaussian )?naive bayes(?: classifier)?(?: model)?", "naive_bayes", "classification"),
    (r"support vector (?:machine|classifier|regressor)s?|svm|svc|svr", "svm", ""),
)  # fmt: skip
METRICS: tuple[tuple[str, str], ...] = (
    (r"root mean squared? errors?|rmse", "rmse"),
    (r"mean squared? errors?|mse", "mse"),
    (r"mean absolute errors?|mae", "mae"),
    (r"r squared(?: scores?| values?)?|r2(?: scores?)?|r \^ 2|coefficient of determination|r²", "r2"),
    (r"(?:prediction |model |classification )?accuracy(?: scores?| rate)?", "accuracy"),
    (r"precision(?: score)?", "precision"), (r"recall(?: score)?", "recall"), (r"f1(?: scores?)?|f score", "f1"),
    (r"roc auc|auc(?: roc)?(?: score)?|area under the (?:roc )?curve", "roc_auc"),
)  # fmt: skip
ERROR_METRICS = frozenset({"rmse", "mse", "mae", "r2"})

NORMALITY: tuple[tuple[str, str], ...] = (
    (r"anderson(?: darling)?", "anderson"),
    (r"kolmogorov(?: smirnov)?|ks|k s", "ks"),
    (r"d agostino(?: pearson)?|dagostino|normaltest", "dagostino"),
    (r"jarque(?: bera)?", "jarque_bera"),
    (r"shapiro(?: wilks?)?", "shapiro"),
)

NAMELESS = "new feature"
"""The name of a column that a question adds without naming it."""

PLAIN_WORDS = bag(
    """imputing imputed imputation impute filling filled removing removed predicting predicted prediction training
    testing mean average median mode count counts total sum number rate range min max minimum maximum high
    low close open first last value values name names date time type types level group groups test model
    score scores data row rows column columns percent percentage share top bottom highest lowest year years
    month day days hour id index order method method results result difference ratio missing null outlier
    outliers correlation class classes no yes other all none not new old more less than over under between
    distribution normal skewed size variable feature features unique distinct different common frequent each
    any both same error errors rank position target label positive negative left right up down status sample
    samples a b c d e f g h i j k l m n o p q r s t u v w x y z"""
)
"""Words of the grammar, or too common: they name a column only where they stand as one."""
STATISTIC_WORDS = bag(
    """mean average median mode count counts total sum number rate range min max minimum maximum first last top
    bottom highest lowest percent percentage share difference ratio missing null outlier outliers
    correlation unique distinct different common frequent error errors test model method methods row rows
    column columns value values data"""
)

ENTITIES = bag(
    """individual person people passenger customer client user employee worker patient student player athlete
    member subject participant respondent house home property car vehicle automobile country city state
    region county storm row record entry observation sample instance case example item product order
    transaction sale movie film book song company stock flight trip day team game match school hospital
    event animal plant applicant loan household man woman everyone child family review article country
    nation place store shop building apartment accident crime survey policyholder insured driver guest
    visitor buyer seller account profile candidate voter citizen datum point wine flower iris diamond
    penguin model request reading visit session measurement response survey purchase booking"""
)
"""What a row may stand for; such a noun after `of`, `by` or `how many` restricts nothing."""

HARMLESS = bag(
    """recompute recalculate out create generate include comprehensive preprocess preprocessing engineering
    cleaning various impact etc strength direction exactly basis visualize chart plot graph statistically
    overall etcetera calculate compute find determine identify report give show tell provide get
    obtain return display list print evaluate assess examine explore investigate analyze analyse perform
    conduct check see know present output state derive using use used via by with through based what which
    who whose how many much is are was were be been being do does did has have had can could would will
    should may might shall must please me us we you your i my our it its itself they them their theirs there
    here this that these those such the a an and or but if so then also as at of in on to for from into onto
    upon within during per about between among each every all any both just specific specifically particular
    given dataset data table file csv column columns feature features variable variables field fields
    attribute attributes value values entire whole overall available respective respectively corresponding
    correspondingly following provided python pandas panda numpy scipy sklearn scikit learn library
    libraries function functions built module dataframe method methods formula procedure process technique
    techniques result results answer answers final round rounded rounding decimal decimals place places
    point points digit digits number numbers too additionally furthermore moreover next afterwards finally
    lastly separately individually together same question constraints constraint note ensure make sure order
    exist exists existing present presented contain contains contained recorded record named called let want
    need like interested if yes any some information info appropriate suitable calculation calculations
    computation analysis statistic statistics statistical summary measure measures figure"""
)
"""Words that change no result where no rule has used them."""
HARMLESS_PLAIN = bag(
    """calculate compute find determine identify report give show tell provide get obtain return display list print
    evaluate assess examine explore analyze analyse check see know please me us i we you want need like what which
    who whose how many much when is are was were be been being do does did has have had can could would should will
    the a an and of at for from in on with using use used to this that these those such there here it its their
    them they dataset data table file csv column columns feature features variable variables field fields attribute
    attributes value values overall entire whole total all so then also as if any some result results answer
    exist exists present contain contains question statistic statistics figure measure let named called recorded
    calculate calculation just through into where"""
)
"""What says nothing in a question that stands alone: every other word has to be read."""
HELD = bag("with without having have has had own owning owns near in at on from to as inside outside into like")
"""Words after which a noun restricts, also one that a row may stand for: `with children`."""
DONE = bag(
    """recorded reported observed measured made sold paid charged earned listed registered produced received given
    shown known seen found held taken born spent collected counted scored achieved gained"""
)
"""Participles that only say what a column's values are."""
HARMLESS_STEMS = frozenset(stem(word) for word in HARMLESS)
COMMON = HARMLESS | PLAIN_WORDS | ENTITIES | bag("one two three four five six seven eight nine ten zero once twice")
"""Words that name a value only in quotes or with a capital."""
UNITS = bag(
    """mm cm m km inch inches feet miles kg g grams lbs pounds tons usd dollars euros eur gbp years year days hours
    minutes seconds degrees degree celsius fahrenheit mph kmh hpa mb knots percent thousands millions units"""
)
DOING = bag(
    """combined divided multiplied squared weighted adjusted scaled normalized standardized transformed grouped
    sorted ranked trimmed averaged summed subtracted added excluded filtered imputed removed compared
    together logged lagged"""
)
"""Participles that ask for something to be done."""
PARTICIPLES = bag("paid hit made sold spent taken held won lost given shown known seen had gone born")
