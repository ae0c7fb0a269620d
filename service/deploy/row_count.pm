# Plug-in of pt-online-schema-change: stops before the tables are swapped when the copy lacks rows.
#
# The tool copies with INSERT IGNORE, which drops rows whose keys have become equal, as those of a column that
# no longer tells upper from lower case.
package pt_online_schema_change_plugin;

use strict;
use warnings FATAL => 'all';

sub new {
    my ($class, %args) = @_;
    return bless { cxn => $args{cxn} }, $class;
}

sub init {
    my ($self, %args) = @_;
    $self->{original} = $args{orig_tbl};
    return;
}

sub after_create_new_table {
    my ($self, %args) = @_;
    $self->{copy} = $args{new_tbl};
    return;
}

# The triggers keep both alike, so that one snapshot shows as many rows in both.
sub after_copy_rows {
    my ($self) = @_;
    my $dbh = $self->{cxn}->dbh();
    print "Comparing the numbers of rows\n";
    $dbh->do('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ');
    $dbh->do('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
    my ($original) = $dbh->selectrow_array("SELECT COUNT(*) FROM $self->{original}->{name}");
    my ($copy) = $dbh->selectrow_array("SELECT COUNT(*) FROM $self->{copy}->{name}");
    $dbh->do('COMMIT');
    die "the copy has $copy rows, the table $original: rows with equal keys would be lost\n" if $copy != $original;
    return;
}

1;
