"""The parts of the speed table: cases, how they are timed, and the report."""
