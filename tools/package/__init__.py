"""Deep visual-semantic alignments: which words of a sentence belong to which regions of a photo.

>>> from visual_semantic_alignment.core.describer import Describer
"""

from importlib.metadata import version

__version__ = version("visual-semantic-alignment")
