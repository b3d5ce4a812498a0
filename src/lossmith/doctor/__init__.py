"""The doctor: finds a misused loss before it costs a day, and says what to type instead."""

from . import catalogue, criteria, page
from .engine import check, diagnose
from .evidence import Evidence, gather
from .files import check_file
from .finding import Finding, Findings
from .history import Curve, History
from .rule import Rule, is_code, judges, register, rule, rules
from .verdict import Verdict, verdict

__all__ = [
    "Curve",
    "Evidence",
    "Finding",
    "Findings",
    "History",
    "Rule",
    "Verdict",
    "catalogue",
    "check",
    "check_file",
    "criteria",
    "diagnose",
    "gather",
    "is_code",
    "judges",
    "page",
    "register",
    "rule",
    "rules",
    "verdict",
]
