//! Something at the address of Redis that is not Redis.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// Sends this in response to whatever it is sent, on any number of connections.
pub fn responding(response: &'static [u8]) -> String {
    serve(move |mut stream| {
        let mut request = [0; 4096];
        while matches!(stream.read(&mut request), Ok(1..)) && stream.write_all(response).is_ok() {}
    })
}

/// Announces a text of a gigabyte and sends it for as long as anybody reads.
pub fn endless() -> String {
    serve(|mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(b"$1000000000\r\n");
        while stream.write_all(&[b'x'; 65_536]).is_ok() {}
    })
}

/// Accepts connections and says nothing.
pub fn silent() -> String {
    serve(|mut stream| while matches!(stream.read(&mut [0; 4096]), Ok(1..)) {})
}

/// Accepts connections and closes them.
pub fn closing() -> String {
    serve(drop)
}

fn serve(talk: impl Fn(TcpStream) + Clone + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let talk = talk.clone();
            thread::spawn(move || talk(stream));
        }
    });
    url
}
