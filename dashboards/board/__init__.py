"""The dashboard's parts: the frame around every page, and the pages."""
