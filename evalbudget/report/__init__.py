"""What people see: a run's progress, its figures in a terminal, in Markdown, as a page, as JSON."""
