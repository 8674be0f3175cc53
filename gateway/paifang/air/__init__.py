"""Air-quality indices: what hourly concentrations amount to under the rules of China, the United States and the EU."""
