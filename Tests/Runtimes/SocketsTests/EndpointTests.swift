import CLinux
import Primitives
import Sockets
import Testing

@Suite struct EndpointTests {
  @Test("Numeric addresses with a port are endpoints, and print as they are read")
  func good() throws {
    for text in ["127.0.0.1:7400", "0.0.0.0:0", "[::1]:65535", "[fe80::1]:1"] {
      #expect(try #require(Endpoint(text)).description == text)
    }
    #expect(Endpoint("[::1]:80") == Endpoint(host: "::1", port: 80))
    #expect(Endpoint.loopback(7).description == "127.0.0.1:7")
  }

  @Test(
    "All spellings of an IPv6 address are one address, in the form of RFC 5952",
    arguments: [
      ("0:0:0:0:0:0:0:1", "::1"), ("::0001", "::1"), ("0::0", "::"), ("FE80::A", "fe80::a"),
      ("1:0:0:2:0:0:0:3", "1:0:0:2::3"), ("1:0:0:2:3:0:0:4", "1::2:3:0:0:4"),
      ("1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"), ("1::3:4:5:6:7:8", "1:0:3:4:5:6:7:8"),
      ("::ffff:10.0.0.1", "::ffff:a00:1"), ("1::", "1::"),
    ])
  func spellings(_ text: String, _ canonical: String) {
    #expect(Endpoint("[\(text)]:1")?.description == "[\(canonical)]:1")
  }

  @Test(
    "All other spellings are refused",
    arguments: [
      "", ":", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+1",
      "127.0.0.1: 1", "127.0.0.1:1 ", "127.0.0:1", "127.0.0.256:1", "localhost:80", "::1:80",
      "[127.0.0.1]:80", "[::1:80", "[::1]80", "[]:80", "127.0.0.1\u{0}x:80", "example.org:80",
      "127.0.0.1:७",
    ])
  func bad(_ text: String) { #expect(Endpoint(text) == nil) }

  @Test("Free ports differ, can be listened on, and are then no longer free")
  func freePorts() throws {
    let found = try Endpoint.freeOnLoopback(20)
    #expect(Set(found).count == 20)
    #expect(found.allSatisfy { $0.host == "127.0.0.1" && $0.port > 0 })
    let listener = try found[0].listen()
    defer { Descriptor.close(listener) }
    let error = try #require(throws: SocketError.self) { try found[0].listen() }
    #expect(error.code == SystemError.addressInUse)
    #expect(error.description == "cannot listen on \(found[0]): Address already in use")
  }

  @Test("A reserved port is found free by no other cluster, also after its node was killed")
  func reservation() throws {
    let reserved = try PortReservation(onLoopback: 1)
    let port = reserved.endpoints[0]
    for _ in 0..<2 {
      #expect(!isFree(port))
      Descriptor.close(try port.listen())
    }
    #expect(!isFree(port))
    _ = consume reserved
    #expect(isFree(port))
  }

  /// Whether a cluster that looks for a free port may be given this one.
  private func isFree(_ endpoint: Endpoint) -> Bool {
    let descriptor = linux_reserve(endpoint.host, endpoint.port)
    guard descriptor >= 0 else { return false }
    Descriptor.close(descriptor)
    return true
  }

  @Test("An address of another machine, or an invalid address, is refused with its reason")
  func foreign() {
    #expect(throws: SocketError.self) { try Endpoint(host: "192.0.2.1", port: 1).listen() }
    #expect(throws: SocketError.self) { try Endpoint(host: "nowhere", port: 1).connect() }
  }
}
