#!/usr/bin/perl
# What the lab's Znuny holds: logins, groups, queues, a service, dynamic fields, the web service,
# customers. Reads one JSON object (made by znuny.py) from standard input; may be run again at any
# time. First argument: Home.

use strict;
use warnings;
use utf8;

BEGIN { unshift @INC, $ARGV[0], "$ARGV[0]/Kernel/cpan-lib", "$ARGV[0]/Custom" }

use JSON::PP;
use Kernel::System::ObjectManager;

local $Kernel::OM = Kernel::System::ObjectManager->new( 'Kernel::System::Log' => { LogPrefix => 'lab' } );
my $Wanted = JSON::PP->new->utf8->decode( do { local $/; <STDIN> } );
my %Admin  = ( UserID => 1, ValidID => 1 );

sub System { return $Kernel::OM->Get("Kernel::System::$_[0]") }

sub Must {
    my ( $Done, $What ) = @_;
    die "could not make $What: see Znuny's log\n" if !$Done;
    print "$What\n";
    return $Done;
}

sub Group {
    my ($Name) = @_;
    return System('Group')->GroupLookup( Group => $Name )
        || Must( System('Group')->GroupAdd( Name => $Name, %Admin ), "group $Name" );
}

sub Queue {
    my ( $Name, $Group ) = @_;
    my %Known = reverse System('Queue')->QueueList( Valid => 0 );
    return if $Known{$Name};
    Must(
        System('Queue')->QueueAdd(
            Name => $Name, GroupID => Group($Group), SystemAddressID => 1, SalutationID => 1, SignatureID => 1, %Admin,
        ),
        "queue $Name of group $Group"
    );
    return;
}

sub Agent {
    my ( $Login, $Password ) = @_;
    my $ID = System('User')->UserLookup( UserLogin => $Login, Silent => 1 ) || Must(
        System('User')->UserAdd(
            UserFirstname => 'Asterisk', UserLastname => 'Calls', UserLogin => $Login,
            UserEmail => "$Login\@helpdesk.example", ValidID => 1, ChangeUserID => 1,
        ),
        "agent $Login"
    );
    Must( System('User')->SetPassword( UserLogin => $Login, PW => $Password ), "password of $Login" );
    Must(
        System('Group')->PermissionGroupUserAdd( GID => Group('users'), UID => $ID, Permission => { rw => 1 }, UserID => 1 ),
        "rw on users for $Login"
    );
    return;
}

sub Customer {
    my ($Row) = @_;
    my $Companies = System('CustomerCompany');
    my %Company   = ( CustomerID => $Row->{customer_id}, CustomerCompanyName => $Row->{company}, %Admin );
    my $Made      = $Companies->CustomerCompanyGet( CustomerID => $Row->{customer_id} )
        ? $Companies->CustomerCompanyUpdate( CustomerCompanyID => $Row->{customer_id}, %Company )
        : $Companies->CustomerCompanyAdd(%Company);
    Must( $Made, "company $Row->{customer_id}" );
    my %Known = System('CustomerUser')->CustomerUserDataGet( User => $Row->{login} );
    my %Fields = (
        Source         => 'CustomerUser',
        UserLogin      => $Row->{login},
        UserEmail      => $Row->{email},
        UserCustomerID => $Row->{customer_id},
        UserFirstname  => $Row->{first_name},
        UserLastname   => $Row->{last_name},
        UserPhone      => $Row->{phone},
        UserMobile     => $Row->{mobile},
        UserCity       => $Row->{city},
        ValidID        => $Row->{valid_id},
        UserID         => 1,
    );
    my $Done = %Known
        ? System('CustomerUser')->CustomerUserUpdate( ID => $Row->{login}, %Fields )
        : System('CustomerUser')->CustomerUserAdd(%Fields);
    Must( $Done, "customer $Row->{login}" );
    return;
}

sub Service {
    my ( $Name, $SLA ) = @_;
    my $ServiceID = System('Service')->ServiceLookup( Name => $Name )
        || Must( System('Service')->ServiceAdd( Name => $Name, %Admin ), "service $Name" );
    System('Service')->CustomerUserServiceMemberAdd(
        CustomerUserLogin => '<DEFAULT>', ServiceID => $ServiceID, Active => 1, UserID => 1,
    );
    System('SLA')->SLALookup( Name => $SLA )
        || Must( System('SLA')->SLAAdd( Name => $SLA, ServiceIDs => [$ServiceID], %Admin ), "SLA $SLA" );
    return;
}

sub DynamicField {
    my ( $Name, @Values ) = @_;
    my $Fields = System('DynamicField');
    return if %{ $Fields->DynamicFieldGet( Name => $Name ) // {} };
    my %Form = @Values
        ? ( FieldType => 'Multiselect', Config => { PossibleValues => { map { $_ => $_ } @Values } } )
        : ( FieldType => 'Text', Config => { DefaultValue => '' } );
    my $Order = 1 + scalar @{ $Fields->DynamicFieldList( Valid => 0 ) };
    Must(
        $Fields->DynamicFieldAdd( Name => $Name, Label => $Name, FieldOrder => $Order, ObjectType => 'Ticket', %Form, %Admin ),
        "dynamic field $Name"
    );
    return;
}

sub WebService {
    my ( $Name, $Yaml ) = @_;
    utf8::encode($Yaml);
    my $Config = System('YAML')->Load( Data => $Yaml ) or die "the web service's file is not valid YAML\n";
    my $Services = System('GenericInterface::Webservice');
    my $Known    = $Services->WebserviceGet( Name => $Name );
    my $Done     = %{ $Known // {} }
        ? $Services->WebserviceUpdate( ID => $Known->{ID}, Name => $Name, Config => $Config, %Admin )
        : $Services->WebserviceAdd( Name => $Name, Config => $Config, %Admin );
    Must( $Done, "web service $Name" );
    return;
}

binmode STDOUT, ':encoding(UTF-8)';
Must( System('User')->SetPassword( UserLogin => $Wanted->{admin}, PW => $Wanted->{admin_password} ), 'administrator' );
Queue( $Wanted->{queue},        'users' );
Queue( $Wanted->{closed_queue}, 'management' );
Agent( $Wanted->{agent}, $Wanted->{agent_password} );
Service( $Wanted->{service}, $Wanted->{sla} );
DynamicField( $_, @{ $Wanted->{dynamic_fields}{$_} } ) for sort keys %{ $Wanted->{dynamic_fields} };
WebService( $Wanted->{web_service}, $Wanted->{web_service_yaml} );
Customer($_) for @{ $Wanted->{customers} };
