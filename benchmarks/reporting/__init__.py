"""What is made of result files: reading them, tables, charts, the page. Must not know how anything is measured."""
