//! The HTTP edge and the request pipeline
