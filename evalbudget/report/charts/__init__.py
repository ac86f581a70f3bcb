"""Charts of the HTML report and of the dashboard: one file each, all in one visual language.

style       colours, marks and axes, light and dark
picture     a finished chart as PNG or SVG
"""
