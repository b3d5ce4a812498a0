"""The doctor: finds a misused loss before it costs a day, and says what to type instead."""

from . import catalogue
from .finding import Finding, Findings
from .rule import Rule, judges, register, rule, rules

__all__ = ["Finding", "Findings", "Rule", "catalogue", "judges", "register", "rule", "rules"]
