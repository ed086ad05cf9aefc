import ClusterControl
import ClusterMessages
import Foundation
import HostTesting
import NodeRuntime
import Primitives
import RedisClients
import Replication
import Resp
import Serving
import Sockets
import StateMachines
import Synchronization
import Testing

/// Work on a thread that runs until it is told to stop.
final class Worker: Sendable {
  private let isStopped = Atomic<Bool>(false)
  private let ended = DispatchSemaphore(value: 0)
  private let failure = Mutex<String?>(nil)

  /// - Parameter body: the work; it calls its argument to learn whether to stop.
  init(_ body: @escaping @Sendable (() -> Bool) throws -> Void) {
    Thread.detachNewThread { [self] in
      do {
        try body { isStopped.load(ordering: .relaxed) }
      } catch {
        failure.withLock { $0 = "\(error)" }
      }
      ended.signal()
    }
  }

  /// Waits until the thread has ended.
  /// - Returns: the error, if there was one.
  func stop() -> String? {
    isStopped.store(true, ordering: .relaxed)
    ended.wait()
    return failure.withLock { $0 }
  }
}

/// A cluster of real nodes, each on a thread of this process, with a gateway.
final class Stage {
  let directory: URL
  /// Reserved, because another process could take the port of a node that is to start again.
  private let ports: PortReservation
  private let endpoints: [Endpoint]
  private let membership: Membership
  private let protocolName: String
  private var nodes: [Int: Worker] = [:]
  private let startNode: @Sendable (NodeSettings, () -> Bool) throws -> Void
  private let gateway: Worker
  let port: UInt16

  /// - Parameter timeout: the timeout of the gateway's requests.
  init<Core: ReplicaCore>(
    _ core: Core.Type, replicas: Int, timeout: Interval = .seconds(60),
    limits: RespLimits = RespLimits(), memory: Int = GatewayLimits.memory,
    patience: Interval = .seconds(60), maxMemory: Int = 0, idleLimit: Interval = .zero
  ) throws {
    directory = FileManager.default.temporaryDirectory.appending(path: "serving-\(UUID())")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    let ports = try PortReservation(onLoopback: replicas)
    let endpoints = ports.endpoints
    self.ports = ports
    let membership = Membership(replicas: replicas, authority: 0)
    let name = "\(Core.self)"
    self.endpoints = endpoints
    self.membership = membership
    protocolName = name
    startNode = { settings, isStopped in
      var node = try ClusterNode<Core, KeyValueStore>(settings, options: Core.Options())
      try node.run(until: isStopped)
    }
    let opened = Mutex<UInt16>(0)
    let isOpen = DispatchSemaphore(value: 0)
    gateway = Worker { isStopped in
      defer { isOpen.signal() }
      let port = try ClusterPort<KeyValueStore>(
        cluster: "stage", protocolName: name, endpoints: endpoints, replicaCount: replicas,
        connections: 2, firstClient: CarriedClients.drawFirst())
      var facts = GatewayFacts(
        version: "1", protocolName: name, cluster: "stage", processNumber: 1)
      facts.maxMemory = maxMemory
      facts.idleLimit = idleLimit
      var gateway = try RespGateway(
        port: port, at: .loopback(0), replicas: membership.replicas, facts: facts,
        timeout: timeout, limits: limits, memory: memory, patience: patience)
      opened.withLock { $0 = gateway.endpoint.port }
      isOpen.signal()
      while !isStopped() {
        try gateway.turn(atMost: .milliseconds(20))
        for node in 0..<replicas { gateway.port.order(.report(digest: false), to: node) }
      }
    }
    isOpen.wait()
    port = opened.withLock { $0 }
  }

  func start(_ node: Int) {
    let settings = NodeSettings(
      cluster: "stage", protocolName: protocolName, node: ReplicaID(node),
      membership: membership, endpoints: endpoints,
      directory: directory.appending(path: "\(node)").path)
    let startNode = startNode
    nodes[node] = Worker { try startNode(settings, $0) }
  }

  func startAll() { for node in membership.replicas { start(node.index) } }

  func stop(_ node: Int) { #expect(nodes.removeValue(forKey: node)?.stop() == nil) }

  func client(receiveBuffer: Int32? = nil) throws -> RedisClient {
    try RedisClient(port: port, receiveBuffer: receiveBuffer)
  }

  deinit {
    #expect(gateway.stop() == nil)
    for node in nodes.values { #expect(node.stop() == nil) }
    try? FileManager.default.removeItem(at: directory)
  }
}
