import Glibc
import Resp
import Sockets

/// A connection like that of a Redis client: blocking, for one thread.
public final class RedisClient {
  public let descriptor: Int32
  private var parser = RespReplyParser()
  private var bytes: [UInt8] = []
  private var start = 0
  /// Where pieces are received. Made once, because a piece may be small and clearing takes time.
  private var room = [UInt8](repeating: 0, count: 256 << 10)

  /// - Parameter receiveBuffer: the bytes that the system buffers for a client that does not read.
  public init(port: UInt16, receiveBuffer: Int32? = nil) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { throw SocketError(purpose: "cannot make a socket", code: errno) }
    var patience = timeval(tv_sec: 60, tv_usec: 0)
    setsockopt(
      descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    setsockopt(
      descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    if var receiveBuffer {
      setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, socklen_t(4))
    }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else {
      throw SocketError(purpose: "cannot connect to port \(port)", code: errno)
    }
  }

  deinit { close(descriptor) }

  public static func command(_ words: [[UInt8]]) -> [UInt8] {
    var bytes = Array("*\(words.count)\r\n".utf8)
    for word in words { bytes += Array("$\(word.count)\r\n".utf8) + word + Array("\r\n".utf8) }
    return bytes
  }

  public static func command(_ words: String...) -> [UInt8] {
    command(words.map { Array($0.utf8) })
  }

  public func send(_ bytes: [UInt8]) throws {
    var sent = 0
    while sent < bytes.count {
      let taken = bytes.withUnsafeBytes {
        Glibc.send(
          descriptor, $0.baseAddress! + sent, $0.count - sent, Int32(MSG_NOSIGNAL))
      }
      guard taken > 0 else {
        throw SocketError(purpose: "the connection took no more after \(sent) bytes", code: errno)
      }
      sent += taken
    }
  }

  /// Sends as much as fits without waiting, and returns the number of bytes sent.
  public func sendSome(_ bytes: [UInt8]) -> Int {
    Glibc.send(
      descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
  }

  /// Closes the sending side.
  public func endOutput() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// The next received bytes; empty at the end of the stream.
  public func receive() throws -> [UInt8] {
    let count = recv(descriptor, &room, room.count, 0)
    guard count >= 0 else {
      throw SocketError(
        purpose: "no reply within a minute, or the connection is broken", code: errno)
    }
    return Array(room[..<count])
  }

  /// All bytes up to the end of the stream.
  public func rest() throws -> String {
    var all = Array(bytes[start...])
    while true {
      let piece = try receive()
      guard !piece.isEmpty else { return String(decoding: all, as: UTF8.self) }
      all += piece
    }
  }

  /// The next reply.
  public func reply() throws -> RespValue {
    while true {
      if let value = try parser.next(in: bytes, from: &start, to: bytes.count) { return value }
      if start > 0 { bytes.removeFirst(start) }
      start = 0
      let piece = try receive()
      guard !piece.isEmpty else {
        throw SocketError(purpose: "no reply before the connection was closed", code: EPIPE)
      }
      bytes += piece
    }
  }

  public func ask(_ words: String...) throws -> RespValue {
    try send(RedisClient.command(words.map { Array($0.utf8) }))
    return try reply()
  }

  /// The fields of INFO.
  public func info(_ section: String) throws -> [String: String] {
    guard case .bulk(let text?) = try ask("INFO", section) else { return [:] }
    var fields: [String: String] = [:]
    for line in String(decoding: text, as: UTF8.self).split(separator: "\r\n") {
      let halves = line.split(separator: ":", maxSplits: 1)
      if halves.count == 2 { fields[String(halves[0])] = String(halves[1]) }
    }
    return fields
  }
}

extension RespValue {
  public static let ok = RespValue.status(Array("OK".utf8))
  public static func text(_ text: String) -> RespValue { .bulk(Array(text.utf8)) }
}
