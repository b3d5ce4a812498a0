"""Sphinx configuration; loss pages, their pictures and the MathML of formulas come from ``generate.py``, and the pages
about frameworks from ``comparison.py``, and those of the doctor's rules from ``rulebook.py``.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import lossmith

project = "lossmith"
author = "The lossmith authors"
copyright = "The lossmith authors, Apache-2.0"
version = release = lossmith.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "generate", "comparison", "rulebook"]
exclude_patterns = ["_build"]
# Types in signatures: NumPy's and Python's own documentation cannot be reached without a network.
nitpick_ignore_regex = [("py:.*", r"(collections|numpy|pathlib|lossmith\.(losses|understanding|evaluation))\..*")]
# What an evaluation holds for lossmith itself, named in its signature.
nitpick_ignore = [("py:class", "Bundle"), ("py:class", "Figures")]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_typehints = "none"
autodoc_member_order = "bysource"
napoleon_numpy_docstring = False
napoleon_use_ivar = True

html_theme = "furo"
html_title = f"lossmith {release}"
html_math_renderer = "mathml"
html_copy_source = False
html_static_path = ["static"]
html_css_files = ["formula.css"]
