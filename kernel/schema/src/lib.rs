//! How a shape describes itself: types, shapes, values, operations, faults
