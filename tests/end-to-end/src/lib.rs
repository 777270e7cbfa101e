//! The program as its users meet it: started as a process, spoken to over HTTP. All of it stands in
//! `tests/`.
