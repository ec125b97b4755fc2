"""Where DuckDB means something else than Athena by the same SQL: expressions rewritten by their types.

What is not known to mean the same is refused: a query fails rather than give a wrong number. What Athena does
is in https://trino.io/docs/current/functions.html ; the differences were measured.
"""

from collections.abc import Callable

from sqlglot import exp

from local_cloud.athena.error import INVALID_CAST, QueryFailedError, not_supported

_TYPE = exp.DType
_INTEGERS = {_TYPE.TINYINT, _TYPE.SMALLINT, _TYPE.INT, _TYPE.BIGINT}
_FLOATS = {_TYPE.FLOAT, _TYPE.DOUBLE}
_DECIMALS = {_TYPE.DECIMAL}
_TEXTS = {_TYPE.VARCHAR, _TYPE.CHAR, _TYPE.TEXT}
_TIMES = {_TYPE.DATE, _TYPE.TIMESTAMP, _TYPE.TIMESTAMPTZ}
_FAMILIES = (_INTEGERS | _FLOATS | _DECIMALS, _TEXTS, _TIMES, {_TYPE.BOOLEAN})
_TRUNCATIONS = {"SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR"}
_PARTS = _TRUNCATIONS - {"WEEK"}
_DIFFERENCES = _TRUNCATIONS | {"MILLISECOND"}
_COMPARISONS = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.NullSafeEQ, exp.NullSafeNEQ)
_SIGNS = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.NullSafeEQ: "IS NOT DISTINCT FROM",
    exp.NullSafeNEQ: "IS DISTINCT FROM",
}
_WHOLE_NUMBER = "^[+-]?[0-9]+$"

_FUNCTIONS = (
    *(exp.Count, exp.Sum, exp.Min, exp.Max, exp.Avg, exp.CountIf, exp.ArgMax, exp.ArgMin),
    *(exp.LogicalOr, exp.LogicalAnd),
    *(exp.RowNumber, exp.Rank, exp.DenseRank, exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue),
    *(exp.Coalesce, exp.Nullif, exp.If, exp.Case, exp.Cast, exp.TryCast, exp.Try, exp.Greatest, exp.Least),
    *(exp.Abs, exp.Round, exp.Floor, exp.Ceil),
    *(exp.Lower, exp.Upper, exp.Length, exp.Substring, exp.Concat, exp.Trim, exp.Replace, exp.StrPosition),
    *(exp.SplitPart, exp.RegexpLike, exp.StartsWith),
    *(exp.LowerHex, exp.Hex, exp.SHA2Digest, exp.Encode, exp.ArrayToString),
    *(
        exp.TimestampTrunc,
        exp.DateTrunc,
        exp.DateDiff,
        exp.DateAdd,
        exp.Extract,
        exp.Date,
        exp.TimeToStr,
        exp.StrToTime,
    ),
    *(exp.Year, exp.Month, exp.Day, exp.Hour, exp.Minute, exp.Second, exp.Quarter),
    *(exp.UnixToTime, exp.TimeToUnix, exp.FromISO8601Timestamp),
    *(exp.CurrentTimestamp, exp.CurrentDate),
    *(exp.And, exp.Or, exp.Exists),  # to sqlglot these are functions too
)
_OWN_TYPES: dict[type[exp.Expr], str] = {
    exp.TimeToUnix: "DOUBLE",
    exp.CountIf: "BIGINT",
    exp.UnixToTime: "TIMESTAMPTZ",
}
"""Functions whose type the parser does not know, or DuckDB has a wider one for."""

_FORMATS = {"%Y", "%m", "%d", "%H", "%M", "%S", "%y", "%j", "%f", "%%"}


def refuse_unknown(tree: exp.Expr) -> None:
    """Raise for functions that are not known to give what Athena gives.

    Raises:
        QueryFailedError: naming the function.
    """
    for node in tree.walk():
        if isinstance(node, exp.ArrayAgg) and _is_joined(node):
            continue
        if isinstance(node, exp.Func) and not isinstance(node, _FUNCTIONS):
            raise not_supported(f"the function in {node.sql('trino')}")
        if isinstance(node, exp.Lateral | exp.Unnest | exp.Pivot | exp.TableSample | exp.Interval):
            _refuse_construct(node)


def _is_joined(node: exp.Expr) -> bool:
    """Whether an array is made only to be written as one text: both leave out what is NULL."""
    top = node.parent if isinstance(node.parent, exp.Filter) else node
    return isinstance(top.parent, exp.ArrayToString) and len(top.parent.args) == 2


def settle_types(tree: exp.Expr) -> None:
    """State the types that the parser would not find by itself; before types are annotated."""
    for node in list(tree.find_all(exp.Literal)):
        if node.is_number and "." in node.name and "e" not in node.name.lower():
            _replace(node, exp.cast(node.copy(), _decimal_type(node.name)))
    for kind, type_name in _OWN_TYPES.items():
        for function in list(tree.find_all(kind)):
            _wrap(function, type_name)
    for function in list(tree.find_all(exp.CountIf)):
        _count_from_zero(function)


def rewrite(tree: exp.Expr) -> None:
    """Make a tree with types mean in DuckDB what it means in Athena.

    Raises:
        QueryFailedError: Athena would refuse it, or its meaning cannot be kept.
    """
    for node in reversed(list(tree.walk())):
        _check_types(node)
        for kind, change in _CHANGES.items():
            if isinstance(node, kind):
                change(node)


def _refuse_construct(node: exp.Expr) -> None:
    if isinstance(node, exp.Interval) and node.parent is not None:
        unit = node.args.get("unit")
        if unit is not None and unit.name.upper() in _TRUNCATIONS:
            return
    raise not_supported(node.sql("trino"))


def _decimal_type(text: str) -> exp.DataType:
    whole, _, fraction = text.partition(".")
    precision = max(1, len(whole.lstrip("0")) + len(fraction))
    return exp.DataType.build(f"DECIMAL({precision}, {len(fraction)})")


def _wrap(node: exp.Expr, type_name: str) -> None:
    """Cast a function to its type, together with what belongs to it: its filter and its window."""
    top = node
    while isinstance(top.parent, exp.Filter | exp.Window) and top.parent.this is top:
        top = top.parent
    _replace(top, exp.cast(top.copy(), type_name))


def _count_from_zero(node: exp.Expr) -> None:
    """What is true of no row is counted 0 times, where DuckDB has no number if all is unknown."""
    top = node
    while isinstance(top.parent, exp.Filter | exp.Window | exp.Cast) and top.parent.this is top:
        top = top.parent
    top.replace(exp.Coalesce(this=top.copy(), expressions=[exp.Literal.number(0)]))


def _replace(node: exp.Expr, other: exp.Expr) -> None:
    """Put ``other`` in the place of ``node``, of the same type unless it says its own."""
    if other.type is None:
        other.type = node.type
    node.replace(other)


def _kind(node: exp.Expr) -> exp.DType:
    return node.type.this if isinstance(node.type, exp.DataType) else _TYPE.UNKNOWN


def _check_types(node: exp.Expr) -> None:
    """Athena compares like with like only."""
    if isinstance(node, _COMPARISONS):
        _check_pair(node, node.this, node.expression, _SIGNS[type(node)])
    elif isinstance(node, exp.Between):
        for bound in ("low", "high"):
            _check_pair(node, node.this, node.args[bound], "BETWEEN")
    elif isinstance(node, exp.In):
        for item in node.expressions:
            _check_pair(node, node.this, item, "IN")


def _check_pair(node: exp.Expr, left: exp.Expr, right: exp.Expr, sign: str) -> None:
    families = [_family(left), _family(right)]
    if None not in families and families[0] != families[1]:
        types = f"{_type_name(left)} {sign} {_type_name(right)}"
        raise QueryFailedError("TYPE_MISMATCH", f"Cannot apply operator: {types} in {node.sql('trino')}")


def _family(node: exp.Expr) -> int | None:
    kind = _kind(node)
    return next((index for index, family in enumerate(_FAMILIES) if kind in family), None)


def _type_name(node: exp.Expr) -> str:
    return "" if node.type is None else node.type.sql("trino").lower()


def _write_out(node: exp.Expr) -> None:
    """Athena puts a part of a WITH clause wherever it is named; DuckDB would hold all its rows in memory."""
    node.set("materialized", False)  # noqa: FBT003 - as sqlglot has it


def _divide(node: exp.Expr) -> None:
    """Integers divide to an integer, cut towards zero, exact to 64 bits; division by zero is an error."""
    kinds = {_kind(node.this), _kind(node.expression)}
    left, right = exp.paren(node.this.copy()), exp.paren(node.expression.copy())
    if kinds <= _INTEGERS:
        _replace(node, exp.paren(exp.IntDiv(this=left, expression=right)))
    elif kinds & _FLOATS and kinds <= _FLOATS | _INTEGERS | _DECIMALS:
        doubles = {"this": exp.cast(left, "DOUBLE"), "expression": exp.cast(right, "DOUBLE")}
        _replace(node, exp.paren(exp.Div(**doubles)))
    else:
        raise not_supported(f"the division {node.sql('trino')}: cast to double, or divide integers")


def _modulo(node: exp.Expr) -> None:
    if not {_kind(node.this), _kind(node.expression)} <= _INTEGERS:
        raise not_supported(f"the remainder {node.sql('trino')}: of integers only")


def _sum(node: exp.Expr) -> None:
    """DuckDB sums integers to 128 bits; Athena to 64, and beyond them fails."""
    if _kind(node.this) in _INTEGERS or _kind(_distinct_operand(node)) in _INTEGERS:
        _wrap(node, "BIGINT")


def _distinct_operand(node: exp.Expr) -> exp.Expr:
    distinct = node.this
    if isinstance(distinct, exp.Distinct) and len(distinct.expressions) == 1:
        operand: exp.Expr = distinct.expressions[0]
        return operand
    return node


def _average(node: exp.Expr) -> None:
    if _kind(node.this) not in _INTEGERS | _FLOATS:
        raise not_supported(f"{node.sql('trino')}: averages of integers and doubles only")


def _difference(node: exp.Expr) -> None:
    """Athena counts whole units between two moments, DuckDB's namesake counts boundaries."""
    unit = _unit(node, _DIFFERENCES)
    arguments = [exp.Literal.string(unit), node.expression.copy(), node.this.copy()]
    _replace(node, exp.Anonymous(this="date_sub", expressions=arguments))


def _truncate(node: exp.Expr) -> None:
    _unit(node, _TRUNCATIONS)
    if _kind(node.this) is _TYPE.DATE:
        _replace(node, exp.cast(node.copy(), "DATE"))


def _add_to_date(node: exp.Expr) -> None:
    _unit(node, _TRUNCATIONS)
    if _kind(node.this) is _TYPE.DATE:
        _replace(node, exp.cast(node.copy(), "DATE"))


def _add(node: exp.Expr) -> None:
    """A date and an interval give a date in Athena, a timestamp in DuckDB."""
    operands = (node.this, node.expression)
    if any(isinstance(operand, exp.Interval) for operand in operands):
        if any(_kind(operand) is _TYPE.DATE for operand in operands):
            _replace(node, exp.cast(exp.paren(node.copy()), "DATE"))
    elif any(_kind(operand) in _TIMES for operand in operands):
        raise not_supported(f"{node.sql('trino')}: use date_diff or an interval")


def _unit(node: exp.Expr, known: set[str]) -> str:
    unit = node.args.get("unit")
    name = "DAY" if unit is None else unit.name.upper()
    if name not in known:
        raise not_supported(f"the unit {name.lower()} in {node.sql('trino')}")
    return str(name)


def _extract(node: exp.Expr) -> None:
    if node.this.name.upper() not in _PARTS:
        raise not_supported(node.sql("trino"))


def _format_time(node: exp.Expr) -> None:
    """MySQL's patterns as far as DuckDB has the same."""
    pattern = node.args["format"]
    text = pattern.name if isinstance(pattern, exp.Literal) else "%?"
    fields = {text[index : index + 2] for index in range(len(text)) if text[index] == "%"}
    if fields - _FORMATS:
        raise not_supported(f"the format in {node.sql('trino')}")


def _cast(node: exp.Expr) -> None:
    source, target = _kind(node.this), node.args["to"]
    if target.this in {_TYPE.TIMESTAMP, _TYPE.TIMESTAMPTZ}:
        target.set("expressions", [])
    if target.this in _TEXTS:
        _cast_to_text(node, source, target)
    elif target.this in _INTEGERS and source in _FLOATS:
        _replace(node, type(node)(this=exp.func("round", node.this.copy()), to=target.copy()))
    elif target.this in _INTEGERS | _DECIMALS and source in _TEXTS:
        _cast_text_to_number(node, target)


def _cast_to_text(node: exp.Expr, source: exp.DType, target: exp.DataType) -> None:
    if target.expressions:
        raise not_supported(f"{node.sql('trino')}: a length of text")
    if source in _FLOATS or source is _TYPE.TIMESTAMPTZ or source is _TYPE.UNKNOWN:
        raise not_supported(f"{node.sql('trino')}: the text of {_type_name(node.this) or 'this'}")
    if source is _TYPE.TIMESTAMP:
        text = exp.func("strftime", node.this.copy(), exp.Literal.string("%Y-%m-%d %H:%M:%S.%g"))
        _replace(node, text)


def _cast_text_to_number(node: exp.Expr, target: exp.DataType) -> None:
    """Only digits are a number to Athena, where DuckDB would round a fraction."""
    scale = target.expressions[1].name if len(target.expressions) > 1 else "0"
    if scale != "0":
        raise not_supported(f"{node.sql('trino')}: text to a decimal with a fraction")
    text = node.this.copy()
    whole = exp.func("regexp_matches", exp.func("trim", text.copy()), exp.Literal.string(_WHOLE_NUMBER))
    fits = exp.or_(whole, text.is_(exp.null()))
    converted = exp.Case().when(fits, type(node)(this=text, to=target.copy()))
    if isinstance(node, exp.TryCast):
        _replace(node, converted)
        return
    message = f"{INVALID_CAST}: Cannot cast '%s' to {target.sql('trino').lower()}"
    before, _, after = message.partition("%s")
    parts = [exp.Literal.string(before), text.copy(), exp.Literal.string(after)]
    _replace(node, converted.else_(exp.func("error", exp.Concat(expressions=parts))))


_CHANGES: dict[type[exp.Expr], Callable[[exp.Expr], None]] = {
    exp.CTE: _write_out,
    exp.Div: _divide,
    exp.Mod: _modulo,
    exp.Sum: _sum,
    exp.Avg: _average,
    exp.DateDiff: _difference,
    exp.TimestampTrunc: _truncate,
    exp.DateTrunc: _truncate,
    exp.DateAdd: _add_to_date,
    exp.Add: _add,
    exp.Sub: _add,
    exp.Extract: _extract,
    exp.TimeToStr: _format_time,
    exp.StrToTime: _format_time,
    exp.Cast: _cast,
}
