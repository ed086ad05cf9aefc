/// The reply of `COMMAND` about one command, as Redis 7.0.15 gives it. Clients use it to find the
/// keys in a command.
public struct RespCommandFacts: Equatable, Sendable {
  /// The exact number of arguments, including the name; if negative, the least number.
  public var arity: Int
  public var flags: [String]
  /// Positions of the first and the last key (-1: the last argument), and the number of arguments
  /// from one key to the next.
  public var keys: (first: Int, last: Int, step: Int)
  public var categories: [String]
  public var tips: [String]
  /// How the command uses the keys.
  public var keyFlags: [String]

  public static func == (a: RespCommandFacts, b: RespCommandFacts) -> Bool {
    a.arity == b.arity && a.flags == b.flags && a.keys == b.keys && a.categories == b.categories
      && a.tips == b.tips && a.keyFlags == b.keyFlags
  }

  /// A line of the table.
  private init(_ words: [Substring]) {
    func list(_ word: Substring) -> [String] {
      word == "-" ? [] : word.split(separator: ",").map(String.init)
    }
    let numbers = words.map { Int($0) ?? 0 }
    arity = numbers[1]
    flags = list(words[2])
    keys = (numbers[3], numbers[4], numbers[5])
    categories = list(words[6]).map { "@\($0)" }
    tips = list(words[7]).compactMap { RespCommandFacts.tips[$0] }
    keyFlags = list(words[8])
  }

  static let all: [RespCommandName: RespCommandFacts] = {
    var all: [RespCommandName: RespCommandFacts] = [:]
    for line in table.split(separator: "\n") {
      let words = line.split(separator: " ")
      if let name = RespCommandName(rawValue: String(words[0])) { all[name] = Self(words) }
    }
    return all
  }()

  private static let tips = [
    "each": "request_policy:all_shards", "shards": "request_policy:multi_shard",
    "own": "request_policy:special", "sum": "response_policy:agg_sum",
    "least": "response_policy:agg_min", "all": "response_policy:all_succeeded",
    "special": "response_policy:special", "varies": "nondeterministic_output",
    "order": "nondeterministic_output_order",
  ]

  /// Name, arity, flags, first key, last key, step, categories, tips, flags of the keys.
  private static let table = """
    append 3 write,denyoom,fast 1 1 1 write,string,fast - RW,insert
    auth -2 noscript,loading,stale,fast,no_auth,allow_busy 0 0 0 fast,connection - -
    client -2 - 0 0 0 slow - -
    command -1 loading,stale 0 0 0 slow,connection order -
    config -2 - 0 0 0 slow - -
    dbsize 1 readonly,fast 0 0 0 keyspace,read,fast each,sum -
    decr 2 write,denyoom,fast 1 1 1 write,string,fast - RW,access,update
    decrby 3 write,denyoom,fast 1 1 1 write,string,fast - RW,access,update
    del -2 write 1 -1 1 keyspace,write,slow shards,sum RM,delete
    discard 1 noscript,loading,stale,fast,allow_busy 0 0 0 fast,transaction - -
    echo 2 loading,stale,fast 0 0 0 fast,connection - -
    exec 1 noscript,loading,stale,skip_slowlog 0 0 0 slow,transaction - -
    exists -2 readonly,fast 1 -1 1 keyspace,read,fast shards,sum RO
    expiretime 2 readonly,fast 1 1 1 keyspace,read,fast - RO,access
    flushall -1 write 0 0 0 keyspace,write,slow,dangerous each,all -
    flushdb -1 write 0 0 0 keyspace,write,slow,dangerous each,all -
    get 2 readonly,fast 1 1 1 read,string,fast - RO,access
    getdel 2 write,fast 1 1 1 write,string,fast - RW,access,delete
    getrange 4 readonly 1 1 1 read,string,slow - RO,access
    getset 3 write,denyoom,fast 1 1 1 write,string,fast - RW,access,update
    hello -1 noscript,loading,stale,fast,no_auth,allow_busy 0 0 0 fast,connection - -
    incr 2 write,denyoom,fast 1 1 1 write,string,fast - RW,access,update
    incrby 3 write,denyoom,fast 1 1 1 write,string,fast - RW,access,update
    incrbyfloat 3 write,denyoom,fast 1 1 1 write,string,fast - RW,access,update
    info -1 loading,stale 0 0 0 slow,dangerous varies,each,special -
    keys 2 readonly 0 0 0 keyspace,read,slow,dangerous each,order -
    mget -2 readonly,fast 1 -1 1 read,string,fast shards RO,access
    mset -3 write,denyoom 1 -1 2 write,string,slow shards,all OW,update
    msetnx -3 write,denyoom 1 -1 2 write,string,slow shards,least OW,insert
    multi 1 noscript,loading,stale,fast,allow_busy 0 0 0 fast,transaction - -
    persist 2 write,fast 1 1 1 keyspace,write,fast - RW,update
    pexpiretime 2 readonly,fast 1 1 1 keyspace,read,fast - RO,access
    ping -1 fast 0 0 0 fast,connection each,all -
    pttl 2 readonly,fast 1 1 1 keyspace,read,fast varies RO,access
    quit -1 noscript,loading,stale,fast,no_auth,allow_busy 0 0 0 fast,connection - -
    reset 1 noscript,loading,stale,fast,no_auth,allow_busy 0 0 0 fast,connection - -
    role 1 noscript,loading,stale,fast 0 0 0 admin,fast,dangerous - -
    scan -2 readonly 0 0 0 keyspace,read,slow varies,own -
    select 2 loading,stale,fast 0 0 0 fast,connection - -
    set -3 write,denyoom 1 1 1 write,string,slow - RW,access,update,variable_flags
    setnx 3 write,denyoom,fast 1 1 1 write,string,fast - OW,insert
    strlen 2 readonly,fast 1 1 1 read,string,fast - RO
    substr 4 readonly 1 1 1 read,string,slow - RO,access
    time 1 loading,stale,fast 0 0 0 fast varies -
    touch -2 readonly,fast 1 -1 1 keyspace,read,fast shards,sum RO
    ttl 2 readonly,fast 1 1 1 keyspace,read,fast varies RO,access
    type 2 readonly,fast 1 1 1 keyspace,read,fast - RO
    unlink -2 write,fast 1 -1 1 keyspace,write,fast shards,sum RM,delete
    unwatch 1 noscript,loading,stale,fast,allow_busy 0 0 0 fast,transaction - -
    wait 3 noscript 0 0 0 slow,connection each,least -
    watch -2 noscript,loading,stale,fast,allow_busy 1 -1 1 fast,transaction - RO
    """
}
