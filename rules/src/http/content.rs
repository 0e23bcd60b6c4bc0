//! Content encodings: what was compressed on the way is judged as what it was before.

use std::io::Read;

use flate2::read::{MultiGzDecoder, ZlibDecoder};

use super::{Error, Response};

/// Undoes gzip and deflate, up to `limit` bytes. Other encodings stay as they are.
///
/// A part of a compressed body (206) can't be undone and is kept as well.
pub(super) fn decode(response: &mut Response, limit: u64) -> Result<(), Error> {
    let encodings = response.header("Content-Encoding").flat_map(|value| value.split(','));
    let encodings: Vec<_> = encodings.map(|word| word.trim().to_ascii_lowercase()).collect();
    let [encoding] = encodings.as_slice() else {
        return Ok(());
    };
    if response.body.is_empty() || response.status == 206 {
        return Ok(());
    }
    let body = response.body.as_slice();
    let decoded = match encoding.as_str() {
        "gzip" | "x-gzip" => read(MultiGzDecoder::new(body), limit),
        "deflate" => read(ZlibDecoder::new(body), limit),
        _ => return Ok(()),
    };
    match decoded {
        Ok(decoded) if decoded.len() as u64 > limit => Err(too_large(limit, " when it is unpacked")),
        Ok(decoded) => {
            response.body = decoded;
            Ok(())
        }
        Err(error) => Err(Error::broken(format!("the body is not valid {encoding}: {error}"))),
    }
}

/// Reads at most one byte more than `limit`, so that a bomb is noticed and not unpacked.
fn read(decoder: impl Read, limit: u64) -> std::io::Result<Vec<u8>> {
    let mut decoded = Vec::new();
    decoder.take(limit.saturating_add(1)).read_to_end(&mut decoded)?;
    Ok(decoded)
}

pub(super) fn too_large(limit: u64, how: &str) -> Error {
    Error::broken(format!("the body is larger than {limit} bytes{how} (raise `limits: {{body: …}}` if it should be)"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};

    use super::*;

    fn response(encoding: &str, body: Vec<u8>) -> Response {
        let headers = vec![("content-encoding".to_owned(), encoding.to_owned())];
        Response { status: 200, headers, body, ..Response::default() }
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn bombs_are_noticed_and_not_unpacked() {
        let mut bomb = response("gzip", gzip(&vec![0; 10 << 20]));
        assert!(bomb.body.len() < 20_000);
        let error = decode(&mut bomb, 1000).unwrap_err();
        assert!(error.message.starts_with("the body is larger than 1000 bytes when it is unpacked"), "{error}");
        let mut fits = response("GZIP", gzip(b"hello"));
        decode(&mut fits, 5).unwrap();
        assert_eq!(fits.body, b"hello");
    }

    #[test]
    fn deflate_is_undone_and_the_unknown_is_kept() {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(b"hello").unwrap();
        let mut deflated = response("deflate", encoder.finish().unwrap());
        decode(&mut deflated, 100).unwrap();
        assert_eq!(deflated.body, b"hello");
        let mut unknown = response("br", b"???".to_vec());
        decode(&mut unknown, 100).unwrap();
        assert_eq!(unknown.body, b"???");
        assert!(decode(&mut response("gzip", b"not gzip".to_vec()), 100).is_err());
    }
}
