import HostTesting
import NodeBench
import Clients
import ClusterControl
import ClusterMessages
import Faults
import LoadDriving
import NodeRuntime
import Raft
import ReplicaHosting
import Replication
import Sockets
import StateMachines
import Stubs
import Testing
import Trials

private typealias RaftSeat = Seat<RaftReplica, KeyValueStore>

/// Three real nodes with their logs and sockets in this process, and one client.
final class RaftTrio {
  let plan: Plan
  private(set) var nodes: [Seat<RaftReplica, KeyValueStore>?]
  private var port: ClusterPort<KeyValueStore>
  private var machine: ClientMachine<KeyValueStore>

  /// - Parameter directory: the directory of the logs; `nil` for a new one.
  init(directory: String? = nil, syncs: Bool = true, firstClient: UInt64 = 1) throws {
    var plan = try Plan(nodes: 3, protocolName: "raft")
    for node in plan.settings.indices {
      if let directory { plan.settings[node].directory = "\(directory)/\(node)" }
      plan.settings[node].syncs = syncs
    }
    self.plan = plan
    nodes = try plan.settings.map { try RaftSeat($0) }
    port = try ClusterPort(
      cluster: "tests", protocolName: "raft", endpoints: plan.settings[0].endpoints,
      replicaCount: 3, connections: 1, firstClient: firstClient)
    machine = ClientMachine(
      id: ClientID(firstClient), replicas: plan.settings[0].membership.replicas,
      timeout: .seconds(60))
  }

  func stop(_ node: Int) { nodes[node] = nil }
  func start(_ node: Int) throws { nodes[node] = try RaftSeat(plan.settings[node]) }

  var leader: Int? { nodes.firstIndex { $0?.node.host.core.status.isInCharge == true } }

  /// Steps all nodes and the client once.
  func step() throws {
    for seat in nodes { try seat?.step() }
    try port.wait(atMost: .zero)
    port.flush()
  }

  func wait(_ what: String, until isThere: () -> Bool) throws {
    let limit = MonotonicClock.now() + .seconds(60)
    while !isThere() {
      guard MonotonicClock.now() < limit else { throw Overdue(description: "no \(what)") }
      try step()
    }
  }

  /// Sends a command as a client does, with retries, until it is answered.
  func ask(_ command: KeyValueCommand) throws -> KeyValueResponse {
    func now() -> Instant { MonotonicClock.now() }
    var action = machine.begin(command, due: now(), at: now())
    while true {
      switch action {
      case .nothing: break
      case .send(let replica): port.send(machine.request!, to: replica)
      case .finish(.answered(let response), _): return response
      case .finish(.unknown, _), .finish(.failed, _):
        throw Overdue(description: "no answer to \(command)")
      }
      try step()
      action = .nothing
      if let loss = port.lost.popLast() {
        action = machine.lostConnection(to: loss.replica, at: now())
      } else if !port.replies.isEmpty {
        action = machine.receive(
          port.replies.removeFirst(), from: port.senders.removeFirst(), at: now())
      } else if let wake = machine.wakeAt, wake <= now() {
        action = machine.wake(at: now())
      }
    }
  }
}

@Suite("Cluster: three Raft nodes") struct RaftClusterTests {
  private func value(_ number: Int) -> [UInt8] { Array("value \(number)".utf8) }

  @Test("Acknowledged writes survive a restart of one node, and then of all")
  func restart() throws {
    let trio = try RaftTrio()
    for number in 0..<20 {
      #expect(try trio.ask(.put(Key("\(number)"), value: value(number))) == .done)
    }
    let leader = try #require(trio.leader)
    trio.stop(leader)
    for number in 20..<40 {
      #expect(try trio.ask(.put(Key("\(number)"), value: value(number))) == .done)
    }
    try trio.start(leader)
    #expect(trio.nodes[leader]?.node.incarnation == 2)
    try trio.wait("node that has caught up") {
      Set(trio.nodes.compactMap { $0?.node.host.appliedIndex }).count == 1
    }
    // The digests count from the start of each incarnation, over the same commits.
    #expect(Set(trio.nodes.compactMap { $0?.node.host.commitDigest.value }).count == 1)
    #expect(Set(trio.nodes.compactMap { $0?.node.host.snapshot() }).count == 1)
    for node in 0..<3 { trio.stop(node) }
    for node in 0..<3 { try trio.start(node) }
    for number in 0..<40 {
      #expect(try trio.ask(.get(Key("\(number)"))) == .value(value(number)))
    }
    #expect(trio.nodes.compactMap { $0?.node.counters.garbage } == [0, 0, 0])
  }

  @Test("A cluster works over links that lose, repeat, reorder and damage messages")
  func badLinks() throws {
    let trio = try RaftTrio()
    try trio.wait("leader") { trio.leader != nil }
    var faults = NodeFaults(nodeCount: 3)
    for link in faults.links.indices {
      faults.links[link].degradation.loss = 0.05
      faults.links[link].degradation.duplicate = 0.1
      faults.links[link].degradation.reorder = 0.1
      faults.links[link].degradation.corrupt = 0.02
    }
    for seat in trio.nodes { try seat?.node.apply(faults) }
    for number in 0..<60 {
      #expect(try trio.ask(.append(Key("a"), value: value(number))) != .done)
    }
    #expect(try trio.ask(.get(Key("a"))) == .value((0..<60).flatMap(value)))
    #expect(trio.nodes.compactMap { $0?.node.counters.garbage }.reduce(0, +) > 0)
    for seat in trio.nodes { try seat?.node.apply(NodeFaults(nodeCount: 3)) }
    try trio.wait("rest") {
      Set(trio.nodes.compactMap { $0?.node.host.appliedIndex }).count == 1
    }
    #expect(Set(trio.nodes.compactMap { $0?.node.host.snapshot() }).count == 1)
  }

  @Test("A leader that cannot send is replaced, and follows when the partition has ended")
  func partition() throws {
    let trio = try RaftTrio()
    #expect(try trio.ask(.put(Key("a"), value: [1])) == .done)
    let old = try #require(trio.leader)
    var faults = NodeFaults(nodeCount: 3)
    for link in faults.links.indices {
      faults.links[link].cutsOutbound = true
      faults.links[link].cutsInbound = true
    }
    try trio.nodes[old]?.node.apply(faults)
    try trio.wait("new leader") { trio.leader != nil && trio.leader != old }
    #expect(try trio.ask(.put(Key("a"), value: [2])) == .done)
    try trio.nodes[old]?.node.apply(NodeFaults(nodeCount: 3))
    try trio.wait("old leader that follows") {
      Set(trio.nodes.compactMap { $0?.node.host.appliedIndex }).count == 1
    }
    #expect(try trio.ask(.get(Key("a"))) == .value([2]))
  }
}
