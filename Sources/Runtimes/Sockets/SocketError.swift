import CLinux
import Glibc
import Primitives
import Replication

/// A system call that failed, with its purpose.
public struct SocketError: Error, Equatable, Sendable, CustomStringConvertible {
  public var purpose: String
  /// The system's error number, positive.
  public var code: Int32

  public init(purpose: String, code: Int32) {
    self.purpose = purpose
    self.code = code
  }

  public var description: String { "\(purpose): \(SocketError.text(of: code))" }

  /// The system's text for an error number.
  public static func text(of code: Int32) -> String { String(cString: strerror(code)) }

  static func check(_ result: Int32, _ purpose: String) throws(SocketError) -> Int32 {
    guard result >= 0 else { throw SocketError(purpose: purpose, code: -result) }
    return result
  }
}

/// Error numbers that the code compares with, as positive numbers.
public enum SystemError {
  public static let wouldBlock = Int(EAGAIN)
  public static let addressInUse = EADDRINUSE
  public static let connectionRefused = ECONNREFUSED
  public static let timedOut = ETIMEDOUT
}

public enum Descriptor {
  public static func close(_ descriptor: Int32) { _ = Glibc.close(descriptor) }

  /// Accepts the next connection; `nil` if none waits.
  /// - Throws: the reason why a waiting connection cannot be accepted, such as a lack of
  ///   descriptors. The listener stays ready meanwhile, so the caller should not watch it for a
  ///   while.
  public static func accept(_ listener: Int32) throws(SocketError) -> Int32? {
    while true {
      let descriptor = linux_accept(listener)
      switch -descriptor {
      case Int32.min...0: return descriptor
      case EAGAIN: return nil
      // The connection was aborted before it was accepted: try the next one.
      case ECONNABORTED, EINTR, EPROTO: continue
      case let code: throw SocketError(purpose: "cannot take a connection", code: code)
      }
    }
  }

  /// Raises this process's limit on descriptors as far as possible. Returns the limit.
  @discardableResult
  public static func raiseLimit() -> Int { Int(clamping: max(linux_raise_descriptor_limit(), 0)) }

  /// Tells the other side that no more bytes will come.
  public static func endOutput(_ descriptor: Int32) {
    _ = shutdown(descriptor, Int32(SHUT_WR))
  }

  public static func sleep(for time: Interval) {
    let (seconds, rest) = time.nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
    var left = timespec(tv_sec: Int(seconds), tv_nsec: Int(rest))
    var remaining = timespec()
    while nanosleep(&left, &remaining) != 0 && errno == EINTR { left = remaining }
  }

  /// Writes a line to standard error.
  public static func writeError(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = write(STDERR_FILENO, bytes, bytes.count)
  }
}

extension Endpoint {
  /// A non-blocking listening socket on this address.
  public func listen() throws(SocketError) -> Int32 {
    try SocketError.check(linux_listen(host, port), "cannot listen on \(self)")
  }

  /// A non-blocking socket that is connecting to this address.
  public func connect() throws(SocketError) -> Int32 {
    try SocketError.check(linux_connect(host, port), "cannot connect to \(self)")
  }
}
