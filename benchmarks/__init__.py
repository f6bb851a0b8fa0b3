"""What is measured and how: each figure is a ratio against a named bound or peer measured in the same run.

Belongs here: measuring. Does not belong here: assertions about time (tests never time).
"""
