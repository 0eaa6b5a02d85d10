"""The report of a search: one HTML page, and its tables and figures as files.

`sections` are pure functions of an `Evidence`, which holds a tidy table of trials and small records. They return
tables and charts. A chart is drawn twice: by plotly in the page, and by matplotlib in a file.
"""
