//! A storage server on loopback that returns one file for every request.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

pub struct Server {
    address: String,
}

impl Server {
    /// Starts the server, which runs until the process ends.
    pub fn start(text: Arc<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that closes early reports the error itself.
                let _ = serve(&stream, text.as_bytes());
            }
        });
        Self { address }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

fn serve(mut stream: &TcpStream, text: &[u8]) -> std::io::Result<()> {
    let mut head = BufReader::new(stream);
    let mut line = String::new();
    while head.read_line(&mut line)? > 2 {
        line.clear();
    }
    let length = text.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: application/jsonl\r\netag: \"a\"\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    )?;
    stream.write_all(text)
}
