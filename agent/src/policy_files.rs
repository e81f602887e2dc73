//! Policy files on disk: which are read, who may own them, and when they are read again.
