"""DL/T 645: Chinese electricity meters. The edition of 2007, and how one of 1997 answers."""
