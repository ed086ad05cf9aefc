import CLinux
import Clients
import LoadDriving
import Primitives
import ReplicaHosting
import Replication
import Sockets
import StateMachines

/// The clients' port to another system: the clients share connections. Each request goes to its
/// client's connection after earlier requests, and the answers come in the same order. Used by one
/// thread.
///
/// An external server has no sessions, so a request is sent only once (`ClientMachine.resends`):
///
/// - An error that says the operation was not carried out makes it failed. Any other error, and the
///   loss of the connection, leave its outcome unknown.
/// - Requests wait while there is no connection. They fail when the attempt to connect does, which
///   also keeps clients of a dead server from sending in a tight loop.
struct TargetPort<Dialect: TargetDialect>: ServerPort, ~Copyable {
  typealias Application = KeyValueStore

  /// A problem with the server.
  enum Trouble: Equatable, Sendable {
    /// No connection; the system's error number.
    case unreachable(Int32)
    case hungUp
    case fault(TargetFault)
    /// An error answer, in the server's words.
    case refused(String)
  }

  let endpoint: Endpoint
  let loop: EventLoop
  var connections: [TargetConnection<Dialect>]
  var replies: [ClientReply<KeyValueResponse>] = []
  var lost: [LostConnection] = []
  var dirty: [Int] = []
  var pendingReadiness = PendingReadiness()
  var dialAt = Instant.zero
  var now: Instant
  var lastTrouble: Trouble?
  /// Number of error answers, and the text of the first one.
  var refusalCount = 0
  var firstRefusal = ""
  /// Number of connections closed because of malformed answers, and the first of these.
  var faultCount = 0
  var firstFault = ""

  /// - Parameter count: connections that the clients share: client `c` uses number `c` modulo this.
  init(
    _ endpoint: Endpoint, _ dialect: Dialect, connections count: Int
  ) throws(SocketError) {
    self.endpoint = endpoint
    loop = try EventLoop()
    connections = (0..<max(count, 1)).map { position in
      TargetConnection(
        DialedConnection(endpoint: endpoint, node: TargetPort.server, token: UInt64(position)),
        dialect)
    }
    now = MonotonicClock.now()
  }

  deinit {
    for connection in connections where connection.link.descriptor >= 0 {
      Descriptor.close(connection.link.descriptor)
    }
  }

  /// The only replica, which stands for the whole system.
  static var server: ReplicaID { ReplicaID(0) }

  var isConnected: Bool { connections.allSatisfy(\.link.isOpen) }

  mutating func send(_ request: ClientRequest<KeyValueCommand>, to replica: ReplicaID) {
    let position = Int(request.id.client.rawValue % UInt64(connections.count))
    guard connections[position].link.isOpen, connections[position].waiting.isEmpty,
      connections[position].hasRoom
    else {
      // The client has given up its earlier request, so that one need not be sent any more.
      connections[position].waiting.removeAll { $0.id.client == request.id.client }
      connections[position].waiting.append(request)
      return
    }
    connections[position].ask(request)
    markDirty(position)
  }

  /// Sends a request that changes nothing, to see whether the server can be used.
  mutating func sendProbe(_ id: RequestID) {
    connections[0].askProbe(id)
    markDirty(0)
  }

  mutating func markDirty(_ position: Int) {
    guard !connections[position].link.isDirty else { return }
    connections[position].link.isDirty = true
    dirty.append(position)
  }

  mutating func flush() {
    guard !dirty.isEmpty else { return }
    for position in dirty {
      connections[position].link.isDirty = false
      if !connections[position].link.flush(loop) { lose(position, because: .hungUp) }
    }
    dirty.removeAll(keepingCapacity: true)
  }

  mutating func wait(atMost limit: Interval, awake: Interval, share: Int) throws {
    now = MonotonicClock.now()
    // A token must not be reused while readiness of its old connection is still queued.
    if pendingReadiness.isEmpty, now >= dialAt { dialAll() }
    let isIdle = lost.isEmpty && replies.isEmpty
    let patience = isIdle ? min(limit, dialAt - now) : .zero
    pendingReadiness.wait(on: loop, atMost: max(.zero, patience), awake: awake)
    now = MonotonicClock.now()
    while replies.count < share, let ready = pendingReadiness.pop(loop) {
      let position = Int(ready.token)
      let isHere = connections[position].link.handleReady(ready, loop, now: now)
      // The server may have answered before it closed the connection.
      readAnswers(position)
      if isHere {
        askWaiting(position)
      } else if connections[position].link.descriptor >= 0 {
        let error = connections[position].link.connectError
        lose(position, because: error == 0 ? .hungUp : .unreachable(error))
      }
    }
  }

  mutating func dialAll() {
    dialAt = .never
    for position in connections.indices where !connections[position].link.isOpen {
      if connections[position].link.actAt <= now {
        if connections[position].link.state == .connecting {
          lose(position, because: .unreachable(SystemError.timedOut))
        }
        if !connections[position].link.dial(loop, now: now) {
          giveUpWaiting(position)
          lastTrouble = .unreachable(connections[position].link.connectError)
        }
      }
      dialAt = min(dialAt, connections[position].link.actAt)
    }
  }

  /// Fails the requests that wait for this connection, because they will not be sent.
  mutating func giveUpWaiting(_ position: Int) {
    for request in connections[position].waiting {
      replies.append(ClientReply(id: request.id, result: .redirect(nil)))
    }
    connections[position].waiting.removeAll(keepingCapacity: true)
  }

  mutating func askWaiting(_ position: Int) {
    guard !connections[position].waiting.isEmpty, connections[position].link.isOpen else { return }
    var taken = 0
    while taken < connections[position].waiting.count, connections[position].hasRoom {
      let request = connections[position].waiting[taken]
      connections[position].ask(request)
      taken += 1
    }
    connections[position].waiting.removeFirst(taken)
    if taken > 0 { markDirty(position) }
  }

  mutating func lose(_ position: Int, because trouble: Trouble?) {
    if let trouble { lastTrouble = trouble }
    let wasOpen = connections[position].link.isOpen
    let wasOwed = connections[position].isOwed
    connections[position].hangUp(loop, now: now)
    dialAt = min(dialAt, connections[position].link.actAt)
    guard wasOpen else { return giveUpWaiting(position) }
    guard wasOwed else { return }
    // All clients of the connection give up, including those that still waited for room.
    connections[position].waiting.removeAll(keepingCapacity: true)
    lost.append(
      LostConnection(replica: TargetPort.server, remainder: position, stride: connections.count))
  }

  mutating func readAnswers(_ position: Int) {
    do throws(TargetFault) {
      while let (asked, answer) = try connections[position].nextAnswer() {
        take(answer, to: asked, at: position)
        if connections[position].dialect.hangsUp { return lose(position, because: nil) }
      }
    } catch {
      faultCount += 1
      if firstFault.isEmpty { firstFault = "\(error): \(error.found)" }
      lose(position, because: .fault(error))
    }
  }

  mutating func take(
    _ answer: TargetAnswer, to asked: TargetConnection<Dialect>.Asked, at position: Int
  ) {
    switch answer {
    case .done(let response):
      replies.append(ClientReply(id: asked.id, result: .answer(response)))
    case .refused(let text):
      note(refusal: text)
      replies.append(ClientReply(id: asked.id, result: .redirect(nil)))
    case .unclear(let text):
      note(refusal: text)
      let client = asked.id.client
      // A client that has given up this operation already waits for another one.
      guard !connections[position].expects(client) else { return }
      lost.append(
        LostConnection(
          replica: TargetPort.server, remainder: Int(client.rawValue), stride: .max))
    }
  }

  private mutating func note(refusal text: String) {
    lastTrouble = .refused(text)
    refusalCount += 1
    if firstRefusal.isEmpty { firstRefusal = text }
  }
}
