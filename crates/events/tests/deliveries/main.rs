//! Deliveries over real connections to a receiver in this process. The clock stands still until a test moves it.

mod calls;
mod receiver;
mod retries;
mod world;
