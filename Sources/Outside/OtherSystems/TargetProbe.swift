import Clients
import LoadDriving
import Primitives
import ReplicaHosting
import Replication
import Sockets
import StateMachines

/// Checks before a trial that a server answers and is of the expected kind.
enum TargetProbe {
  /// - Throws: in one line, why the server cannot be driven and what the user should do.
  static func check<Dialect: TargetDialect>(
    _ endpoint: Endpoint, _ dialect: Dialect, patience: Interval = .seconds(5)
  ) throws {
    var port = try TargetPort(endpoint, dialect, connections: 1)
    guard try !answers(&port, within: patience) else { return }
    if port.lastTrouble == .hungUp {
      // A server that closes the connection without an answer may understand another protocol.
      if try understands(RedisDialect(), endpoint) {
        throw TargetError("\(endpoint) speaks RESP, not HTTP: is it a redis?")
      }
      if try understands(EtcdDialect(endpoint: endpoint), endpoint) {
        throw TargetError("\(endpoint) speaks HTTP, not RESP: is it an etcd?")
      }
    }
    throw TargetError(port.explanation(after: patience))
  }

  private static func understands<Dialect: TargetDialect>(
    _ dialect: Dialect, _ endpoint: Endpoint
  ) throws -> Bool {
    var port = try TargetPort(endpoint, dialect, connections: 1)
    if try answers(&port, within: .seconds(1)) { return true }
    if case .refused? = port.lastTrouble { return true }
    return false
  }

  /// Sends one request that changes nothing, and waits for its answer.
  private static func answers<Dialect: TargetDialect>(
    _ port: inout TargetPort<Dialect>, within patience: Interval
  ) throws -> Bool {
    let limit = MonotonicClock.now() + patience
    var hasAsked = false
    while MonotonicClock.now() < limit, port.lastTrouble == nil {
      if !hasAsked, port.isConnected {
        port.sendProbe(RequestID(client: ClientID(0), sequence: 1))
        hasAsked = true
      }
      port.flush()
      try port.wait(atMost: .milliseconds(10))
      if case .answer? = port.replies.first?.result { return true }
    }
    return false
  }
}

extension TargetPort {
  /// Why the server cannot be driven, in one line.
  /// - Parameter patience: how long the program has waited for it.
  func explanation(after patience: Interval) -> String {
    let name = Dialect.systemName
    switch lastTrouble {
    case .unreachable(SystemError.connectionRefused):
      return "nothing listens at \(endpoint): start the server first"
    case .unreachable(let code):
      return "cannot connect to \(endpoint): \(SocketError.text(of: code))"
    case .hungUp: return "the server at \(endpoint) hangs up without an answer: no \(name) does"
    case .fault(let fault):
      if fault.found.contains("HTTPS server") {
        return "the server at \(endpoint) wants TLS, which targets do not have: give its plain port"
      }
      if fault.found.hasPrefix("HTTP/"), Dialect.self == RedisDialect.self {
        return "\(endpoint) speaks HTTP, not RESP: is it an etcd?"
      }
      if fault.found.hasPrefix("-ERR"), Dialect.self == EtcdDialect.self {
        return "\(endpoint) speaks RESP, not HTTP: is it a redis?"
      }
      if fault.found.hasPrefix("-"), Dialect.self == RedisDialect.self {
        // An error without a request, such as that the server accepts no more connections.
        return "the server at \(endpoint) will not do as \(name): \(fault.found.dropFirst())"
      }
      return "the server at \(endpoint) is no \(name): \(fault), found \"\(fault.found)\""
    case .refused(let text):
      if text.hasPrefix("NOAUTH") {
        return "the server at \(endpoint) asks for a password, which targets do not have: \(text)"
      }
      return "the server at \(endpoint) will not do as \(name): \(text)"
    case nil: return "the server at \(endpoint) does not answer within \(patience)"
    }
  }
}
