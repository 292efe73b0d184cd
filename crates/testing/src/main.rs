//! Starts a PostgreSQL, prints the URL of a fresh database on one line, and ends with the end of its standard input.
//! Each line that it reads asks for another fresh database, whose URL it prints.

use std::io::BufRead;

fn main() {
    let server = assay_testing::postgres::Server::start();
    println!("{}", server.database());
    for _line in std::io::stdin().lock().lines().map_while(Result::ok) {
        println!("{}", server.database());
    }
}
