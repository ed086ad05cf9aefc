import CLinux
import Glibc
import Primitives

/// A system call that failed, with what it was for.
public struct SocketError: Error, Equatable, Sendable, CustomStringConvertible {
  public var purpose: String
  /// The system's error number, positive.
  public var code: Int32

  public init(purpose: String, code: Int32) {
    self.purpose = purpose
    self.code = code
  }

  public var description: String { "\(purpose): \(SocketError.text(of: code))" }

  /// The system's own words for an error number.
  public static func text(of code: Int32) -> String { String(cString: strerror(code)) }

  static func check(_ result: Int32, _ purpose: String) throws(SocketError) -> Int32 {
    guard result >= 0 else { throw SocketError(purpose: purpose, code: -result) }
    return result
  }
}

/// Error numbers that code asks for, as positive numbers.
public enum SystemError {
  public static let wouldBlock = Int(EAGAIN)
  public static let addressInUse = EADDRINUSE
  public static let connectionRefused = ECONNREFUSED
  public static let timedOut = ETIMEDOUT
}

public enum Descriptor {
  public static func close(_ descriptor: Int32) { _ = Glibc.close(descriptor) }

  /// The next connection that waits at a listener, if there is one.
  /// - Throws: why none can be taken although it waits, such as a lack of descriptors. The listener stays
  ///   ready meanwhile: the caller should look away from it for a while.
  public static func accept(_ listener: Int32) throws(SocketError) -> Int32? {
    while true {
      let descriptor = linux_accept(listener)
      switch -descriptor {
      case Int32.min...0: return descriptor
      case EAGAIN: return nil
      // One that was given up before it was taken; the next may be good.
      case ECONNABORTED, EINTR, EPROTO: continue
      case let code: throw SocketError(purpose: "cannot take a connection", code: code)
      }
    }
  }

  /// Raises the limit on descriptors of this process as far as it goes. Returns the limit.
  @discardableResult
  public static func raiseLimit() -> Int { Int(clamping: max(linux_raise_descriptor_limit(), 0)) }

  /// Tells the other side that nothing more will come.
  public static func endOutput(_ descriptor: Int32) {
    _ = shutdown(descriptor, Int32(SHUT_WR))
  }

  public static func sleep(nanoseconds: Int64) {
    var time = timespec(
      tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
    var rest = timespec()
    while nanosleep(&time, &rest) != 0 && errno == EINTR { time = rest }
  }

  /// Writes a line to standard error.
  public static func complain(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = write(STDERR_FILENO, bytes, bytes.count)
  }
}

extension Endpoint {
  /// A non-blocking listening socket on this address.
  public func listen() throws(SocketError) -> Int32 {
    try SocketError.check(linux_listen(host, port), "cannot listen on \(self)")
  }

  /// A non-blocking socket on its way to this address.
  public func connect() throws(SocketError) -> Int32 {
    try SocketError.check(linux_connect(host, port), "cannot connect to \(self)")
  }
}

extension Endpoint {
  /// Below what systems choose for connections that leave: such a one could otherwise take the port of a
  /// node that is to start again.
  private static let listeningPorts: ClosedRange<UInt16> = 16_384...32_000

  /// So many loopback addresses that nobody listens on at this moment.
  public static func freeOnLoopback(_ count: Int) throws(SocketError) -> [Endpoint] {
    var held: [Int32] = []
    defer { for descriptor in held { Descriptor.close(descriptor) } }
    var found: [Endpoint] = []
    for _ in 0..<count {
      var descriptor: Int32?
      for _ in 0..<100 where descriptor == nil {
        descriptor = try? Endpoint.loopback(.random(in: listeningPorts)).listen()
      }
      // Should none of them be free, the system knows another one.
      let listener = if let descriptor { descriptor } else { try Endpoint.loopback(0).listen() }
      held.append(listener)
      let port = try SocketError.check(linux_local_port(listener), "cannot find a free port")
      found.append(.loopback(UInt16(port)))
    }
    return found
  }
}
