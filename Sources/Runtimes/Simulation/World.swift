import Clients
import Environments
import Faults
import Primitives
import Replication
import Trials
import WireFormat

/// From whom to whom, and how long. Small, because every event is moved several times.
public struct Envelope: Sendable {
  private let sender: UInt16
  private let addressee: UInt16
  private let length: UInt32

  public init(from: Int, to: Int, bytes: Int) {
    sender = UInt16(from)
    addressee = UInt16(to)
    length = UInt32(bytes)
  }

  public var from: Int { Int(sender) }
  public var to: Int { Int(addressee) }
  public var bytes: Int { Int(length) }
}

/// Something that happens at a moment of a trial. Generic over what it
/// carries rather than over the core: that spares the run-time system a search on every event.
public enum Happening<
  Message, Command: WireCodable & Equatable & Sendable,
  Response: WireCodable & Equatable & Sendable
> {
  case message(Message, Envelope)
  case request(ClientRequest<Command>, node: Int)
  case reply(ClientReply<Response>, client: Int)
  /// A node's processor is free and its inbox is not empty.
  case turn(node: Int, life: Int)
  case timer(node: Int, timer: Int, life: Int)
  case synced(node: Int, life: Int)
  /// A node sees that the process of another one has ended.
  case disconnected(node: Int, from: Int)
  case client(ClientEvent)
  case faultStarts(Int)
  case faultEnds(Int)
  case warmUpEnds
}

/// What nodes share: the time, the queue of what will happen, the network, and the record of what was
/// committed where.
public struct World<Core: ReplicaCore, Application: StateMachine>: ~Copyable {
  public var now: Int64 = 0
  public typealias Event = Happening<Core.Message, Application.Command, Application.Response>

  public var queue = EventQueue<Event>()
  public var network: NetworkState
  public var random: RandomStream
  public let cpu: CPUModel
  public let diskSampler: LatencySampler?
  public let groupCommit: Bool
  /// The first batch that any replica committed at each index: what all others have to agree with.
  public var committed: [Batch] = []
  public var violations = Violations()
  public let checksInvariants: Bool

  public mutating func schedule(_ what: consuming Event, at time: Int64) {
    queue.push(what, at: time)
  }

  /// Compares a commit with what others committed at its index.
  public mutating func check(_ commit: Effects<Core>.Commit, by node: Int) {
    let position = commit.index.rawValue - 1
    if position < committed.count {
      if committed[position] != commit.batch {
        violations.note(
          "replica \(node) committed another batch at index \(commit.index) than was committed before"
        )
      }
    } else if position == committed.count {
      committed.append(commit.batch)
    } else {
      violations.note(
        "replica \(node) committed index \(commit.index) before index \(committed.count + 1)")
    }
  }
}

/// Messages between nodes and clients travel through the world.
extension World {
  public mutating func transmit(
    _ message: consuming Core.Message, from: Int, to: Int, bytes: Int, departing: Int64
  ) {
    let envelope = Envelope(from: from, to: to, bytes: bytes)
    switch network.route(from: from, to: to, bytes: bytes, departing: departing) {
    case .lost: break
    case .delivered(let time):
      queue.push(.message(message, envelope), at: time)
    case .twice(let time, let again):
      queue.push(.message(copy message, envelope), at: time)
      queue.push(.message(message, envelope), at: again)
    }
  }

  /// Carries a node's answer to a client.
  public mutating func answer(
    _ reply: ClientReply<Application.Response>, from node: Int, departing: Int64, bytes: Int
  ) {
    let client = Int(reply.id.client.rawValue)
    let fate = network.routeClient(client: client, node: node, bytes: bytes, departing: departing)
    schedule(.reply(reply, client: client), by: fate)
  }

  /// What travels between a client and a node happens as often and when the network has decided.
  public mutating func schedule(_ event: consuming Event, by fate: NetworkState.Fate) {
    switch fate {
    case .lost: break
    case .delivered(let time): queue.push(event, at: time)
    case .twice(let time, let again):
      queue.push(copy event, at: time)
      queue.push(event, at: again)
    }
  }
}

/// Clients' requests travel through the world, too, and their events wait in its queue.
extension World: ClientRuntime {
  public mutating func schedule(_ event: ClientEvent, at time: Instant) {
    schedule(.client(event), at: time.nanoseconds)
  }

  public mutating func send(
    _ request: ClientRequest<Application.Command>, to replica: ReplicaID, at departure: Instant
  ) {
    let node = replica.index
    let fate = network.routeClient(
      client: Int(request.id.client.rawValue), node: node, bytes: Frame.byteCount(of: request),
      departing: departure.nanoseconds)
    schedule(.request(request, node: node), by: fate)
  }
}
