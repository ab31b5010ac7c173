use std::os::unix::net::UnixStream;

use super::*;

/// A path in a folder of its own that is gone when the test is.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Place {
        let folder = std::env::temp_dir().join(format!("wsbroker-{}-{name}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        Place(folder.join("socket"))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(self.0.parent().unwrap());
    }
}

#[tokio::test]
async fn a_listener_takes_its_path_with_it() {
    let place = Place::new("own");
    drop(Listener::unix(&place.0).unwrap());
    assert!(!place.0.exists());
}

#[tokio::test]
async fn a_listener_leaves_the_path_of_its_successor_alone() {
    let place = Place::new("successor");
    let former = Listener::unix(&place.0).unwrap();
    fs::remove_file(&place.0).unwrap();
    let _successor = Listener::unix(&place.0).unwrap();
    drop(former);
    UnixStream::connect(&place.0).unwrap();
}

#[tokio::test]
async fn a_path_that_is_served_is_not_taken_and_one_that_is_left_behind_is() {
    let place = Place::new("left");
    let served = Listener::unix(&place.0).unwrap();
    let error = Listener::unix(&place.0).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    drop(served);
    drop(std::os::unix::net::UnixListener::bind(&place.0).unwrap());
    let _taken = Listener::unix(&place.0).unwrap();
    UnixStream::connect(&place.0).unwrap();
}
