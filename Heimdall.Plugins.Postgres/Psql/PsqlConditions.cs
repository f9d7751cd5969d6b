namespace Heimdall.Plugins.Postgres.Psql;

/// <summary>
/// The branches of <c>\if</c> that are open in one file. A condition may be unknown while a script is only checked:
/// then each branch may be taken.
/// </summary>
internal sealed class PsqlConditions
{
    /// <summary>Within each other.</summary>
    private const int MostDepth = 100;

    private readonly Stack<Branch> _branches = [];
    private int _dead;
    private int _possible;

    /// <summary>False within a branch that is not taken.</summary>
    public bool IsActive => _dead == 0;

    /// <summary>False within a branch of which only the run knows whether it is taken.</summary>
    public bool IsCertain => _possible == 0;

    /// <summary>Whether no more branches can be opened within this one.</summary>
    public bool IsFull => _branches.Count >= MostDepth;

    /// <summary>The line of the innermost <c>\if</c> that is open; null when none is.</summary>
    public long? OpenLine => _branches.TryPeek(out var branch) ? branch.Line : null;

    /// <summary>Whether the condition of an <c>\elif</c> matters.</summary>
    public bool AsksNext => _branches.TryPeek(out var branch) && !branch.HasTaken && branch.IsParentActive;

    /// <param name="condition">Null when it is not known.</param>
    /// <param name="line">Where it stands.</param>
    public void If(bool? condition, long line)
    {
        var branch = new Branch(IsActive, line);
        branch.Enter(condition);
        _branches.Push(branch);
        Count(branch, 1);
    }

    /// <returns>Why it cannot stand here; null when it can.</returns>
    public string? Elif(bool? condition) => Next(branch => branch.Enter(condition), @"\elif");

    /// <inheritdoc cref="Elif"/>
    public string? Else() => Next(
        branch =>
        {
            branch.Enter(true);
            branch.HasElse = true;
        },
        @"\else");

    /// <summary>Closes the innermost <c>\if</c>.</summary>
    public void Endif() => Count(_branches.Pop(), -1);

    /// <summary>
    /// Notes that a variable is set in the innermost branch that may be taken. At its end the variable is doubtful, and
    /// stays so in those around it.
    /// </summary>
    /// <returns>False where all branches are certain.</returns>
    public bool Assign(string name)
    {
        var branch = _branches.FirstOrDefault(branch => branch.State == BranchState.Possible);
        branch?.Assigned.Add(name);
        return branch is not null;
    }

    /// <summary>What was set in the branch that ends now, and may not have been.</summary>
    public IReadOnlyCollection<string> TakeAssigned()
    {
        var assigned = _branches.Peek().Assigned.ToArray();
        _branches.Peek().Assigned.Clear();
        return assigned;
    }

    private string? Next(Action<Branch> enter, string name)
    {
        if (!_branches.TryPeek(out var branch))
        {
            return $@"{name} has no \if before it.";
        }

        if (branch.HasElse)
        {
            return $@"{name} stands behind the \else of its \if.";
        }

        Count(branch, -1);
        enter(branch);
        Count(branch, 1);
        return null;
    }

    private void Count(Branch branch, int one)
    {
        _dead += branch.State == BranchState.Dead ? one : 0;
        _possible += branch.State == BranchState.Possible ? one : 0;
    }

    private enum BranchState
    {
        Dead,
        Possible,
        Taken,
    }

    private sealed class Branch(bool isParentActive, long line)
    {
        private bool _mayHaveTaken;

        public long Line => line;

        public bool IsParentActive => isParentActive;

        public BranchState State { get; private set; }

        public bool HasTaken { get; private set; }

        public bool HasElse { get; set; }

        public HashSet<string> Assigned { get; } = new(StringComparer.Ordinal);

        public void Enter(bool? condition)
        {
            State = condition switch
            {
                _ when !isParentActive || HasTaken => BranchState.Dead,
                false => BranchState.Dead,
                true when !_mayHaveTaken => BranchState.Taken,
                _ => BranchState.Possible,
            };
            HasTaken |= condition == true && isParentActive;
            _mayHaveTaken |= State == BranchState.Possible;
        }
    }
}
