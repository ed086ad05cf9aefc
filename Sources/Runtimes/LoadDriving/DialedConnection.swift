import CLinux
import Primitives
import Replication
import Sockets

/// A connection that this process opens to a node, and reopens when it is lost.
public struct DialedConnection: Sendable {
  public enum State: Sendable, Equatable {
    case idle, connecting, greeted, welcome
  }

  public let endpoint: Endpoint
  public let node: ReplicaID
  public let token: UInt64
  public var state = State.idle
  public var descriptor: Int32 = -1
  /// When an idle connection is dialled, or an attempt is given up.
  public var actAt = Instant.zero
  public var input = InputBuffer()
  public var output = OutputBuffer()
  public var watchesWriting = false
  public var isDirty = false
  /// The incarnation of the node that welcomed this connection.
  public var incarnation: UInt32 = 0
  /// How often a node has welcomed this connection.
  public var welcomeCount = 0
  /// The reason why the node refused the connection.
  public var refusal: String?
  /// Why the last attempt to connect failed: the system's error number, or 0.
  public var connectError: Int32 = 0

  public init(endpoint: Endpoint, node: ReplicaID, token: UInt64) {
    self.endpoint = endpoint
    self.node = node
    self.token = token
  }

  public var isOpen: Bool { state == .greeted || state == .welcome }

  /// Begins to connect.
  /// - Returns: false if connecting is not possible now.
  @discardableResult
  public mutating func dial(_ loop: borrowing EventLoop, now: Instant) -> Bool {
    do throws(SocketError) {
      descriptor = try endpoint.connect()
    } catch {
      connectError = error.code
      backOff(now)
      return false
    }
    state = .connecting
    actAt = now + Dialing.dialDeadline
    watchesWriting = true
    loop.add(descriptor, token: token, writes: true)
    return true
  }

  public mutating func backOff(_ now: Instant) {
    state = .idle
    actAt = now + Dialing.redialPause
  }

  public mutating func hangUp(_ loop: borrowing EventLoop, now: Instant) {
    guard descriptor >= 0 else { return }
    loop.remove(descriptor)
    Descriptor.close(descriptor)
    descriptor = -1
    input = InputBuffer()
    output.removeAll()
    backOff(now)
  }

  /// Handles the readiness of the socket. Afterwards `input` may hold frames, even if the
  /// connection is closed: they are its last frames, and a refusal may be among them.
  /// - Returns: false if the connection is closed.
  public mutating func handleReady(
    _ ready: linux_ready, _ loop: borrowing EventLoop, now: Instant
  ) -> Bool {
    guard descriptor >= 0 else { return true }
    if state == .connecting {
      guard ready.writable != 0 || ready.broken != 0 else { return true }
      connectError = -linux_connect_result(descriptor)
      guard connectError == 0 else { return false }
      state = .greeted
    }
    let canSend = ready.writable == 0 || flush(loop)
    guard ready.readable != 0 || ready.broken != 0 || !canSend else { return true }
    return input.fill(from: descriptor) == .open && canSend
  }

  /// - Returns: false if the connection is closed.
  public mutating func flush(_ loop: borrowing EventLoop) -> Bool {
    guard isOpen else { return true }
    guard output.flush(to: descriptor) == .open else { return false }
    let waits = !output.isEmpty
    if waits != watchesWriting {
      watchesWriting = waits
      loop.change(descriptor, token: token, reads: true, writes: waits)
    }
    return true
  }
}
