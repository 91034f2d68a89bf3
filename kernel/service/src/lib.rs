//! The room contract: Service, Operation, Ctx, Target, Worker, and what all rooms share
