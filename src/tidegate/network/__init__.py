"""The model as mathematics, in torch: cells, the patch LSTM, and its one-file form."""
