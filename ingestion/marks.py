"""Private-use characters that carry through the partitioner what it would lose.

Text that comes in never holds them: decoding takes them out, and `html` those of references. In
Word files, where nobody reads them, they are taken for marks.
"""

BREAK = "\ue0f0"
"""A line break to be kept."""
SPACE = "\ue0f1"
"""A space to be kept."""
GUARD = "\ue0f2"
"""Nothing: stands before text that would be taken for a bullet or dropped as too short."""
CODE = "\ue0f3"
"""The paragraph is a line of code."""
HEADING = "\ue0f4"
"""The paragraph serves as a heading."""
HEADER = "\ue0f5"
"""The cell is the header of its column."""
