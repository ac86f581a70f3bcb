"""A run's report as one HTML file: charts inside, nothing loaded, nothing that runs.

blocks      what a page is made of: tables, lines, charts, folded parts
sections    figures → these blocks, in the words of every report
charts      the charts of a run, each with its caption
svg         a finished chart → an SVG that may stand in a page: no colour fixed, nothing that acts
page        blocks → the page; page.html is its template, page.css its looks
"""

from evalbudget.report.html.page import html_page
from evalbudget.report.html.sections import Beside, beside

__all__ = ["Beside", "beside", "html_page"]
