/// One or two sentences on how to read each kind of chart.
enum Wording {
  static let summary = """
    Means over trials, with their 95 % intervals below them; of latency, the means of the trials' \
    own percentiles. Longer bars are larger numbers, which is better only for throughput and \
    availability. Nodes are replicas + nodes of an authority. Rows that are not ranked stay below the \
    others however the table is sorted.
    """
  static let intervals = """
    The sign is the mean over trials and the line its 95 % interval; where two lines overlap far, \
    the difference may be chance. An arrow with a number stands for a row beyond the axis. The \
    p99s are means over the trials' own.
    """
  static let sweep = """
    Each line is a protocol, its band the 95 % interval of the mean over trials. An arrow with a \
    number stands for points beyond the axis.
    """
  static let load = """
    Each line follows a protocol through growing load; where it turns upwards, more load brings \
    longer waits and hardly more throughput. The ring is the knee: the point with the most \
    throughput divided by latency (Kleinrock's power). It is told only if a smaller and a larger \
    load were tried.
    """
  static let explore = """
    Choose what is drawn; each choice is a column of summary.csv or a swept value. Lines connect \
    the points of a protocol in the order of the sweep, bands are 95 % intervals of the mean.
    """
  static let severity = """
    Throughput while a fault becomes more severe. Bands are steps that the paired trials show to be \
    dangerous: a jump costs 10 % or more of the throughput at the mildest fault, a reversal is a \
    milder fault that hurts more than the severer one.
    """
  static let change = """
    The earlier run is the one beside this one that was started last before it, of an experiment of \
    the same name. A pale sign is a change that may be chance; at 1 nothing changed.
    """
  static let time = """
    Above, acknowledged operations per second: the line is the middle one of the trials, the band \
    reaches from the lowest to the highest; where chance drew the faults, only the first trial is \
    shown. Below, latency of writes (solid) and reads (dotted): the line is the 99th percentile, \
    the band below it reaches down to the median. Grey bands are faults; a tooth below the axis \
    says that a node took charge. Drag over a chart to zoom all of them.
    """
  static let latency = """
    How slow the slowest tenth (90), hundredth (99), thousandth (99.9) of all operations was, by \
    both axes' logarithms: lower is better. Thick lines are of the operations of all trials \
    together, so they differ from the means over trials above; thin lines are single trials. An \
    arrow upwards from a sign says "at least", because operations had no answer; a point without a \
    sign is chance, because it rests on fewer than 10 operations. The distributions \
    say which share of all operations was answered within a time: further left is better, and a \
    line that ends below 100 % says that the rest had no answer. Signs stand at 50, 90 and 99 %.
    """
  static let breakdown = """
    Each bar is the mean latency of the traced operations, cut by what they waited for: the parts \
    follow the chain of causes from the answer back to when the operation was due, so that they \
    add up to the whole. Of replicas that work at the same time, only the one that was waited for counts.
    """
  static let faults = """
    Outage and recovery are those of the words above, fault by fault. Stronger colours are longer. \
    Each sign \
    below is one fault of one trial, the upright stroke their median.
    """
  static let cost = """
    What all nodes together, those of an authority included, spend on one acknowledged operation; \
    fewer is cheaper. By node, each sign is a replica in the first trial, an upright stroke a node \
    of the authority.
    """
}
