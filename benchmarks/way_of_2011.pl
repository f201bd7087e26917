#!/usr/bin/perl
# The way of 2011, to measure against: a FastAGI server that forks for each call, looks the customer up through
# DBI, and opens the ticket through SOAP::Lite. With --exec the child starts Perl anew, as AGI() does with a script
# of its own and inetd with a server; without, the modules are in memory already when it forks.
# It keeps nothing, tries nothing twice, and trusts what it is told. Settings come in the environment.
use strict;
use warnings;
use IO::Socket::INET;
use POSIX ':sys_wait_h';

my $exec = (grep { $_ eq '--exec' } @ARGV) ? 1 : 0;

if (grep { $_ eq '--call' } @ARGV) {
    load();
    serve(\*STDIN, \*STDOUT);
    exit 0;
}
load() if !$exec;
my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 128, ReuseAddr => 1)
    or die "can't listen: $!";
$SIG{CHLD} = sub { while (waitpid(-1, WNOHANG) > 0) { } };
$| = 1;
print $listener->sockport, "\n";
while (1) {
    my $client = $listener->accept or next;
    my $child = fork // die "can't fork: $!";
    if ($child) { close $client; next; }
    $SIG{CHLD} = 'DEFAULT';
    close $listener;
    if ($exec) {
        open STDIN,  '<&', $client or die;
        open STDOUT, '>&', $client or die;
        exec $^X, $0, '--call' or die;
    }
    serve($client, $client);
    POSIX::_exit(0);
}

sub load {
    require DBI;
    require SOAP::Lite;
}

sub serve {
    my ($in, $out) = @_;
    select((select($out), $| = 1)[0]);
    my %agi;
    while (defined(my $line = <$in>)) {
        chomp $line;
        last if $line eq '';
        $agi{$1} = $2 if $line =~ /^agi_(\w+): (.*)$/;
    }
    my ($login, $customer_id, $name) = customer($agi{callerid});
    my ($id, $number) = ticket(\%agi, $login);
    my %variables = (
        HELPDESK_MATCH => $login ? 'exact' : 'none',
        HELPDESK_CUSTOMER => $login, HELPDESK_CUSTOMER_ID => $customer_id, HELPDESK_NAME => $name,
        HELPDESK_TICKET => $number, HELPDESK_TICKET_ID => $id, HELPDESK_TICKET_URL => "$ENV{ZOOM_URL}$id",
    );
    for my $variable ((sort keys %variables), 'HELPDESK_STATUS') {
        my $value = $variables{$variable} // ($number ? 'created' : 'error');
        print {$out} qq(SET VARIABLE $variable "$value"\n);
        defined(scalar <$in>) or return;
    }
}

sub customer {
    my ($caller) = @_;
    my $digits = substr(($caller =~ s/\D//gr), -10);
    my $db = DBI->connect($ENV{DB}, $ENV{DB_USER}, $ENV{DB_PASSWORD}, { RaiseError => 1, mysql_enable_utf8 => 1 });
    my $plain = "REPLACE(REPLACE(REPLACE(REPLACE(%s, ' ', ''), '-', ''), '(', ''), ')', '')";
    my $where = join ' OR ', map { sprintf("$plain LIKE ?", $_) } qw(phone mobile);
    my @row = $db->selectrow_array(
        "SELECT login, customer_id, CONCAT(first_name, ' ', last_name) FROM customer_user"
        . " WHERE valid_id = 1 AND ($where) LIMIT 1", undef, ("%$digits") x 2);
    $db->disconnect;
    utf8::encode($row[2]) if @row;
    return @row ? @row : ('', '', '');
}

sub ticket {
    my ($agi, $login) = @_;
    my $soap = SOAP::Lite->new(proxy => [$ENV{OTRS_URL}, timeout => 60], default_ns => $ENV{OTRS_NAMESPACE});
    $soap->on_action(sub { qq("$ENV{OTRS_NAMESPACE}#$_[1]") });
    my $answer = $soap->call(
        'TicketCreate',
        one(UserLogin => $ENV{OTRS_USER}), one(Password => $ENV{OTRS_PASSWORD}),
        many(Ticket => one(Title => "Call from $agi->{callerid}"), one(Queue => 'Raw'), one(State => 'new'),
            one(Priority => '3 normal'), one(CustomerUser => $login || 'unknown-caller')),
        many(Article => one(CommunicationChannel => 'Phone'), one(SenderType => 'customer'),
            one(Subject => "Call from $agi->{callerid}"), one(Body => "Call to $agi->{extension}"),
            one(ContentType => 'text/plain; charset=utf-8'), one(AutoResponseType => 'auto remove')),
        many(DynamicField => one(Name => $ENV{CALL_FIELD}), one(Value => $agi->{uniqueid})),
    );
    die 'OTRS: ' . $answer->faultstring if $answer->fault;
    my $error = $answer->valueof('//Error/ErrorMessage');
    die "OTRS: $error" if $error;
    return ($answer->valueof('//TicketID'), $answer->valueof('//TicketNumber'));
}

sub one { return SOAP::Data->name($_[0])->value($_[1])->type('string') }

sub many {
    my ($name, @values) = @_;
    return SOAP::Data->name($name => \SOAP::Data->value(@values));
}
