import ChainReplication
import MultiPaxos
import PrimaryBackup
import Raft
import Replication
import Unreplicated
import ViewService
import ViewstampedReplication

/// The only list of protocols. A new protocol gets a case here, and the compiler then points at the
/// switch in `visit`.
public enum ProtocolKind: String, CaseIterable, Sendable {
  case raft
  case multiPaxos = "multi-paxos"
  case primaryBackup = "primary-backup"
  case chainReplication = "chain-replication"
  case viewstampedReplication = "viewstamped-replication"
  case unreplicated

  /// The name in experiments and CSV files.
  public var name: String { rawValue }

  /// Calls the visitor with the protocol's core type: the only place where a name becomes a type.
  @inlinable
  public func visit<Visitor: ProtocolVisitor>(_ visitor: inout Visitor) -> Visitor.Result {
    switch self {
    case .raft: visitor.visit(RaftReplica.self, RaftReplica.description)
    case .multiPaxos: visitor.visit(MultiPaxosReplica.self, MultiPaxosReplica.description)
    case .primaryBackup:
      visitor.visit(
        WithAuthority<PrimaryBackupReplica, RaftReplica>.self, PrimaryBackupReplica.description)
    case .chainReplication:
      visitor.visit(WithAuthority<ChainReplica, RaftReplica>.self, ChainReplica.description)
    case .viewstampedReplication:
      visitor.visit(ViewstampedReplica.self, ViewstampedReplica.description)
    case .unreplicated: visitor.visit(UnreplicatedServer.self, UnreplicatedServer.description)
    }
  }
}

/// A generic function over the core type of a protocol, as `ProtocolKind.visit` calls it.
public protocol ProtocolVisitor {
  associatedtype Result
  mutating func visit<Core: ReplicaCore>(
    _ core: Core.Type, _ description: ProtocolDescription
  ) -> Result
}

extension ProtocolKind {
  public var description: ProtocolDescription {
    struct Describe: ProtocolVisitor {
      func visit<Core: ReplicaCore>(
        _ core: Core.Type, _ description: ProtocolDescription
      ) -> ProtocolDescription { description }
    }
    var visitor = Describe()
    return visit(&visitor)
  }

  /// Whether a replica that has lost its disk may come back with an empty one.
  public var replacesLostReplicas: Bool {
    struct Ask: ProtocolVisitor {
      func visit<Core: ReplicaCore>(_ core: Core.Type, _ description: ProtocolDescription) -> Bool {
        Core.replacesLostReplicas
      }
    }
    var visitor = Ask()
    return visit(&visitor)
  }

  /// The options that experiments with this protocol may set.
  public var options: [OptionDeclaration] {
    struct Declare: ProtocolVisitor {
      func visit<Core: ReplicaCore>(
        _ core: Core.Type, _ description: ProtocolDescription
      ) -> [OptionDeclaration] { Core.Options.declared }
    }
    var visitor = Declare()
    return visit(&visitor)
  }

  /// Whether the protocol survives no failure, however many replicas it has.
  public var isBaseline: Bool { description.replicasPerFailure == 0 }

  /// All protocols but the baselines, in the list's order. An experiment that names no protocols
  /// compares these.
  public static var replicated: [ProtocolKind] { allCases.filter { !$0.isBaseline } }

  /// The protocols whose service survives failures.
  public static var failingOver: [ProtocolKind] { allCases.filter(\.description.failsOver) }

  /// How many replicas take part when an experiment asks for `count`. A baseline has only one.
  public func replicas(asked count: Int) -> Int { isBaseline ? 1 : count }

  /// How many replicas the protocol needs so that the service survives the failure of `failures` of
  /// them.
  public func replicas(tolerating failures: Int) -> Int {
    description.replicasPerFailure * failures + 1
  }

  /// The nodes of a cluster when an experiment asks for `count` replicas. An authority has three
  /// nodes, so that it survives the loss of one.
  public func membership(replicas count: Int) -> Membership {
    Membership(replicas: replicas(asked: count), authority: description.needsAuthority ? 3 : 0)
  }
}
