"""Synthetic schools, pupils and files, for the demo, the tests and for trying the gateway out.

Files of every data type in the formats written by schools' systems, the DfE and others. The samples are
independent of the rules recognising files, so as to check them. Every pupil is invented, every UPN carries
the LA number 999, and every file carries `MARKER` in some field of each pupil.
"""

from gateway.samples.layouts import TODAY, Sample, build, make, variants, write_samples
from gateway.samples.people import MARKER, Pupil, School, pupils, school

__all__ = [
    "MARKER",
    "TODAY",
    "Pupil",
    "Sample",
    "School",
    "build",
    "make",
    "pupils",
    "school",
    "variants",
    "write_samples",
]
