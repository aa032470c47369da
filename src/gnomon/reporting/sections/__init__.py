"""The parts of a report, each made from its content."""
