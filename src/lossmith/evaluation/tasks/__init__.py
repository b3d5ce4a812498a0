"""Tasks of items in groups, of tokens and of images, looked at as a whole; a module for each."""

from .given import Given, check_by_row, check_options, evaluation, task_of

__all__ = ["Given", "check_by_row", "check_options", "evaluation", "task_of"]
