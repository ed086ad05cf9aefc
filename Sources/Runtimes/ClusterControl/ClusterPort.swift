import CLinux
import Clients
import ClusterMessages
import LoadDriving
import Primitives
import ReplicaHosting
import Replication
import Sockets
import WireFormat

/// A cluster as its clients and its runner see it: connections for requests, shared by the clients,
/// and one connection to each node for orders and reports.
public struct ClusterPort<Application: StateMachine>: ServerPort, ~Copyable {
  public let cluster: String
  public let protocolName: String
  /// The secret of the cluster, which is sent with every hello; empty for none.
  public let secret: [UInt8]
  public let endpoints: [Endpoint]
  /// Connections to each node; client `c` uses number `c` modulo this.
  public let connectionsPerNode: Int
  public let loop: EventLoop
  /// First the connections to node 0, then those to node 1, ...; after these one per node for
  /// orders.
  public var connections: [DialedConnection]
  public var replies: [ClientReply<Application.Response>] = []
  /// The sender of each reply.
  public var senders: [ReplicaID] = []
  public var lost: [LostConnection] = []
  /// The latest report of each node, and the number of its reports.
  public var reports: [NodeReport?]
  public var reportCounts: [Int]
  /// The stamps that all reports so far contained, each with its node.
  public var stamps: [(node: Int, stamp: RequestStamp)] = []
  public var dirty: [Int] = []
  public var pendingReadiness = PendingReadiness()
  public var dialAt = Instant.zero
  public var now: Instant
  /// The identity of the first client.
  public let firstClient: UInt64
  /// Number of nodes that clients may ask.
  public let replicaCount: Int
  /// Readiness under tokens from `ExternalToken.first` on, which the loop's other users chose.
  public var foreign: [linux_ready] = []
  /// A node that is known to be down is not dialled.
  public var isDown: [Bool]

  /// - Parameters:
  ///   - endpoints: the addresses of all nodes.
  ///   - replicaCount: how many of them are replicas; the others are only given orders.
  ///   - connections: number of connections to each replica, at least one.
  ///   - firstClient: the lowest identity of a client.
  public init(
    cluster: String, protocolName: String, endpoints: [Endpoint], replicaCount: Int,
    connections connectionsPerNode: Int, firstClient: UInt64, secret: [UInt8] = []
  ) throws {
    self.secret = secret
    self.cluster = cluster
    self.protocolName = protocolName
    self.endpoints = endpoints
    self.connectionsPerNode = connectionsPerNode
    self.replicaCount = replicaCount
    self.firstClient = firstClient
    loop = try EventLoop()
    connections = (0..<replicaCount * connectionsPerNode).map { position in
      let node = position / connectionsPerNode
      return DialedConnection(
        endpoint: endpoints[node], node: ReplicaID(node), token: UInt64(position))
    }
    connections += endpoints.indices.map { node in
      DialedConnection(
        endpoint: endpoints[node], node: ReplicaID(node),
        token: UInt64(replicaCount * connectionsPerNode + node))
    }
    reports = Array(repeating: nil, count: endpoints.count)
    reportCounts = Array(repeating: 0, count: endpoints.count)
    isDown = Array(repeating: false, count: endpoints.count)
    now = MonotonicClock.now()
  }

  deinit {
    for connection in connections where connection.descriptor >= 0 {
      Descriptor.close(connection.descriptor)
    }
  }

  public var firstOrderConnection: Int { replicaCount * connectionsPerNode }
  public func orderConnection(of node: Int) -> Int { firstOrderConnection + node }

  /// Whether every node that is up has welcomed all connections.
  public var isConnected: Bool {
    connections.allSatisfy { $0.state == .welcome || isDown[$0.node.index] }
  }

  /// The first refusal that a node has answered with.
  public var refusal: String? { connections.lazy.compactMap(\.refusal).first }

  public mutating func send(
    _ request: ClientRequest<Application.Command>, to replica: ReplicaID
  ) {
    let position =
      replica.index * connectionsPerNode
      + Int(request.id.client.rawValue % UInt64(connectionsPerNode))
    guard connections[position].isOpen else {
      // Acts as if the node had answered that it cannot help: the client turns to another node.
      replies.append(ClientReply(id: request.id, result: .redirect(nil)))
      senders.append(replica)
      return
    }
    Frame.encode(
      request, kind: .request, fromNode: Frame.noNode,
      into: &connections[position].output.writer)
    markDirty(position)
  }

  /// - Returns: whether the connection for the order is open.
  @discardableResult
  public mutating func order(_ order: Order, to node: Int) -> Bool {
    let position = orderConnection(of: node)
    guard connections[position].isOpen else { return false }
    Frame.encode(
      order, kind: .order, fromNode: Frame.noNode,
      into: &connections[position].output.writer)
    markDirty(position)
    return true
  }

  public mutating func markDirty(_ position: Int) {
    guard !connections[position].isDirty else { return }
    connections[position].isDirty = true
    dirty.append(position)
  }

  public func sender(of position: Int) -> ReplicaID { senders[position] }

  public mutating func removeReplies() {
    replies.removeAll(keepingCapacity: true)
    senders.removeAll(keepingCapacity: true)
  }

  public mutating func flush() {
    guard !dirty.isEmpty else { return }
    for position in dirty {
      connections[position].isDirty = false
      if !connections[position].flush(loop) { lose(position) }
    }
    dirty.removeAll(keepingCapacity: true)
  }

  /// Records that a node was killed or has been started again: a node that is down is not dialled.
  public mutating func setDown(_ node: Int, _ down: Bool) {
    isDown[node] = down
    dialAt = .zero
    if down { reports[node] = nil }
  }

  public mutating func lose(_ position: Int) {
    let wasOpen = connections[position].isOpen
    connections[position].hangUp(loop, now: now)
    dialAt = min(dialAt, connections[position].actAt)
    if wasOpen, position < firstOrderConnection {
      lost.append(
        LostConnection(
          replica: connections[position].node, remainder: position % connectionsPerNode,
          stride: connectionsPerNode))
    }
  }

  public mutating func wait(atMost limit: Interval, awake: Interval, share: Int) throws {
    now = MonotonicClock.now()
    // A token must not be reused while readiness of its old connection is still queued.
    if pendingReadiness.isEmpty, now >= dialAt { dialAll() }
    pendingReadiness.wait(
      on: loop, atMost: max(.zero, min(limit, dialAt - now)), awake: awake)
    now = MonotonicClock.now()
    while replies.count < share, let ready = pendingReadiness.pop(loop) {
      guard ready.token < ExternalToken.first else {
        foreign.append(ready)
        continue
      }
      let position = Int(ready.token)
      let isThere = connections[position].handleReady(ready, loop, now: now)
      let isSound = readFrames(position)
      if !isThere || !isSound { lose(position) }
    }
  }

  public mutating func dialAll() {
    dialAt = .never
    for position in connections.indices {
      let node = connections[position].node.index
      guard !connections[position].isOpen, !isDown[node] else { continue }
      if connections[position].actAt <= now {
        if connections[position].state == .connecting {
          connections[position].hangUp(loop, now: now)
        }
        if connections[position].dial(loop, now: now) {
          let isForOrders = position >= firstOrderConnection
          let hello = Hello(
            cluster: cluster, protocolName: protocolName, role: isForOrders ? .runner : .client,
            addressee: ReplicaID(node), nodeCount: endpoints.count,
            clients: isForOrders
              ? .none
              : CarriedClients(
                first: firstClient, remainder: UInt32(position % connectionsPerNode),
                stride: UInt32(connectionsPerNode)), secret: secret)
          Frame.encode(
            hello, kind: .hello, fromNode: Frame.noNode, into: &connections[position].output.writer)
        }
      }
      dialAt = min(dialAt, connections[position].actAt)
    }
  }

  /// - Returns: false if the bytes that arrived are not a frame of a node, or the node refuses.
  public mutating func readFrames(_ position: Int) -> Bool {
    var input = InputBuffer()
    swap(&input, &connections[position].input)
    defer { swap(&input, &connections[position].input) }
    do throws(WireError) {
      while let header = try Frame.next(in: input.bytes, from: input.start, to: input.end) {
        try take(header, of: input, at: position)
        input.consume(header.body.upperBound - input.start)
      }
    } catch .unsupportedVersion(let version) {
      connections[position].refusal =
        "node \(connections[position].node) speaks version \(version) of the frame format, this "
        + "program version \(Frame.version)"
    } catch {
      return false
    }
    return connections[position].refusal == nil
  }

  public mutating func take(
    _ header: FrameHeader, of input: borrowing InputBuffer, at position: Int
  ) throws(WireError) {
    switch header.kind {
    case .reply:
      replies.append(
        try Frame.decode(
          ClientReply<Application.Response>.self, from: input.bytes, in: header.body))
      senders.append(connections[position].node)
    case .report:
      let node = connections[position].node.index
      reports[node] = try Frame.decode(NodeReport.self, from: input.bytes, in: header.body)
      reportCounts[node] += 1
      if let new = reports[node]?.stamps, !new.isEmpty {
        stamps += new.map { (node, $0) }
        reports[node]?.stamps = []
      }
    case .welcome:
      connections[position].state = .welcome
      connections[position].refusal = nil
      connections[position].incarnation = header.incarnation
      connections[position].welcomeCount += 1
    case .refusal:
      connections[position].refusal =
        try Frame.decode(RefusalReason.self, from: input.bytes, in: header.body).text
    case .hello, .message, .request, .order, .silence:
      throw .malformed("\(header.kind) from a node to a client")
    }
  }
}

/// Tokens of the port's event loop that the port leaves to other users of the loop.
public enum ExternalToken {
  public static let first: UInt64 = 1 << 32
}
