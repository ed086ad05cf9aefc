import Clients
import Environments
import Faults
import Primitives
import ReplicaHosting
import Replication
import Trials
import WireFormat

/// A message's sender, receiver, length and stage. Small, because every event is moved several
/// times.
public struct Envelope: Sendable {
  /// How far the receiving interface has handled the message.
  public enum Stage: UInt8, Sendable {
    /// The first byte arrives. The interface takes the message when it is done with earlier ones.
    case arriving
    /// The last byte arrives, of a message so short that its first byte came at the same time.
    case arrived
    /// The interface has taken the whole message.
    case received
  }

  private let length: UInt32
  private let sender: UInt16
  private let addressee: UInt16
  /// The incarnation of the addressee that the message was sent to.
  public let incarnation: UInt16
  public var stage: Stage

  public init(from: Int, to: Int, bytes: Int, incarnation: UInt16 = 0, stage: Stage = .received) {
    sender = UInt16(from)
    addressee = UInt16(to)
    length = UInt32(bytes)
    self.incarnation = incarnation
    self.stage = stage
  }

  public var from: Int { Int(sender) }
  public var to: Int { Int(addressee) }
  public var bytes: Int { Int(length) }
}

/// An event of a trial. It is generic over its payload rather than over the core, because generic
/// metadata is cheaper for type parameters than for associated types.
public enum SimulationEvent<
  Message, Command: WireCodable & Equatable & Sendable,
  Response: WireCodable & Equatable & Sendable
> {
  case message(Message, Envelope)
  /// From a client; the envelope's sender has no meaning.
  case request(ClientRequest<Command>, Envelope)
  case reply(ClientReply<Response>, node: Int)
  /// A node's processor is free and its inbox is not empty.
  case turn(node: Int, incarnation: Int)
  case timer(node: Int, timer: Int, incarnation: Int)
  case synced(node: Int, incarnation: Int)
  /// The disk has written a snapshot.
  case stored(node: Int, incarnation: Int)
  /// A process that is starting again has read its log.
  case hasReadLog(node: Int, incarnation: Int)
  /// A node sees that the process of another node has ended.
  case disconnected(node: Int, from: Int)
  /// Over TCP: a link sends the messages that waited while it let none through.
  case retransmission(link: Int)
  case client(ClientEvent)
  case faultStarts(Int)
  case faultEnds(Int)
  case warmUpEnds
}

/// The batches that one replica has committed since its last start. As long as they are the same as
/// those of all other replicas, they are only counted.
public struct CommittedBatches: Sendable {
  /// This many batches, from the first on, are those of `World.committed`.
  public var agreedCount = 0
  /// The batches after them, from the first that differs.
  public var others: [Batch] = []

  public init() {}

  public var count: Int { agreedCount + others.count }

  public mutating func note(_ batch: Batch, agrees: Bool) {
    if agrees, others.isEmpty { agreedCount += 1 } else { others.append(batch) }
  }
}

/// The state that nodes share: the time, the queue of events, the network, and the record of
/// commits.
public struct World<Core: ReplicaCore, Application: StateMachine>: ~Copyable {
  public var now = Instant.zero
  public typealias Event = SimulationEvent<Core.Message, Application.Command, Application.Response>

  public var queue = EventQueue<Event>()
  public var network: NetworkState
  /// Over TCP, the messages that wait on each link until the network lets them through.
  public var held: [[HeldMessage<Core.Message>]]
  public let cpu: ProcessorCosts
  public let disk: DiskModel
  public let diskSampler: LatencySampler?
  /// The first batch that any replica committed at each index; all other replicas must agree with
  /// it.
  public var committed: [Batch] = []
  public var violations = Violations()
  public let checksInvariants: Bool
  public var causes = CauseTrace()

  @inline(__always)
  public mutating func schedule(_ what: consuming Event, at time: Instant) {
    let slot = queue.push(what, at: time)
    if rarely(causes.isOn) { noteScheduled(in: slot, at: time) }
  }

  /// Compares a commit with other replicas' commits at its index.
  /// - Returns: whether it is the one in `committed`.
  @inline(__always)
  public mutating func agrees(_ commit: Effects<Core>.Commit, of node: Int) -> Bool {
    let position = commit.index.rawValue - 1
    if position < committed.count, committed[position].isSame(as: commit.batch) { return true }
    return note(commit, of: node)
  }

  /// Adds a commit that is the first one at its index, or compares its bytes with those of others.
  private mutating func note(_ commit: Effects<Core>.Commit, of node: Int) -> Bool {
    let position = commit.index.rawValue - 1
    if position < committed.count {
      if committed[position] == commit.batch { return true }
      violations.note(
        "replica \(node) committed another batch at index \(commit.index) than was committed before",
        at: now)
      return false
    }
    guard position == committed.count else {
      violations.note(
        "replica \(node) committed index \(commit.index) before index \(committed.count + 1)",
        at: now)
      return false
    }
    committed.append(commit.batch)
    return true
  }

  /// All batches that a replica has committed.
  public func batches(of commits: CommittedBatches) -> [Batch] {
    committed.prefix(commits.agreedCount) + commits.others
  }
}

/// How messages between nodes, and replies to clients, travel.
extension World {
  @inline(__always)
  public mutating func transmit(
    _ message: consuming Core.Message, from: Int, to: Int, bytes: Int, departing: Instant
  ) {
    let envelope = Envelope(
      from: from, to: to, bytes: bytes, incarnation: network.incarnations[to], stage: .arrived)
    transmit(message, envelope, departing: departing)
  }

  @inline(__always)
  public mutating func transmit(
    _ message: consuming Core.Message, _ envelope: Envelope, departing: Instant
  ) {
    let fate = network.route(
      from: envelope.from, to: envelope.to, bytes: envelope.bytes, departing: departing)
    switch fate {
    case .lost: break
    case .held: hold(message, envelope, since: departing)
    case .delivered(let time):
      if envelope.bytes >= LargeMessage.byteCount {
        network.noteTransfer(
          of: envelope.bytes, from: envelope.from, to: envelope.to, arriving: time)
      }
      push(message, envelope, arriving: time)
    case .twice(let time, let again):
      push(copy message, envelope, arriving: time)
      push(message, envelope, arriving: again)
    }
  }

  @inline(__always)
  public mutating func push(
    _ message: consuming Core.Message, _ envelope: Envelope, arriving time: Instant
  ) {
    var envelope = envelope
    let lead = network.lead(of: envelope.bytes, to: envelope.to, arriving: time)
    if lead > .zero { envelope.stage = .arriving }
    schedule(.message(message, envelope), at: time - lead)
  }

  /// Handles a message that has arrived, or begins to arrive.
  /// - Parameter isRequest: true if it comes from a client.
  /// - Returns: when the receiver's interface has received it; `nil` if it has received it by now.
  @inline(__always)
  public mutating func reception(of envelope: Envelope, isRequest: Bool = false) -> Instant? {
    guard envelope.stage != .received else { return nil }
    let time =
      isRequest
      ? network.receive(
        envelope.bytes, at: envelope.to, hasLead: envelope.stage == .arriving, now: now)
      : network.receive(envelope, now: now)
    return time > now ? time : nil
  }

  /// Whether the process to which a message was sent still runs.
  @inline(__always)
  public func reachesItsProcess(_ envelope: Envelope) -> Bool {
    network.incarnations[envelope.to] == envelope.incarnation
  }

  /// Carries a node's reply to a client.
  @inline(__always)
  public mutating func answer(
    _ reply: consuming ClientReply<Application.Response>, from node: Int, departing: Instant,
    bytes: Int
  ) {
    let fate = network.route(
      client: reply.id.client, node: node, isRequest: false, bytes: bytes, departing: departing)
    switch fate {
    case .lost, .held: break
    case .delivered(let time): schedule(.reply(reply, node: node), at: time)
    case .twice(let time, let again):
      schedule(.reply(copy reply, node: node), at: time)
      schedule(.reply(reply, node: node), at: again)
    }
  }
}

/// How clients' requests travel; the clients' events wait in the same queue.
extension World: ClientRuntime {
  public mutating func schedule(_ event: ClientEvent, at time: Instant) {
    schedule(.client(event), at: time)
  }

  @inline(__always)
  public mutating func send(
    _ request: consuming ClientRequest<Application.Command>, to replica: ReplicaID,
    at departure: Instant
  ) {
    let node = replica.index
    let bytes = Frame.byteCount(of: request)
    let fate = network.route(
      client: request.id.client, node: node, isRequest: true, bytes: bytes,
      departing: departure)
    let envelope = Envelope(
      from: 0, to: node, bytes: bytes, incarnation: network.incarnations[node], stage: .arrived)
    let before = causes.current
    if rarely(causes.isOn) { noteAttempt(request.id, at: departure) }
    switch fate {
    case .lost, .held: break
    case .delivered(let time): push(request, envelope, arriving: time)
    case .twice(let time, let again):
      push(copy request, envelope, arriving: time)
      push(request, envelope, arriving: again)
    }
    causes.current = before
  }

  @inline(__always)
  private mutating func push(
    _ request: consuming ClientRequest<Application.Command>, _ envelope: Envelope,
    arriving time: Instant
  ) {
    var envelope = envelope
    let lead = network.lead(of: envelope.bytes, to: envelope.to, arriving: time)
    if lead > .zero { envelope.stage = .arriving }
    schedule(.request(request, envelope), at: time - lead)
  }
}
